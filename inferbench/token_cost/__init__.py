"""From tokens per second to dollars: what a million tokens cost."""
