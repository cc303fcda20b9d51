"""A scenario: one question about deployments, as a file; how each is launched, and what production does otherwise."""
