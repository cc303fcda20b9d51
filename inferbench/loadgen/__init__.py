"""The load generator: one dispatcher, two clocks, and the port behind which every target stands."""
