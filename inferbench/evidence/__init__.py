"""Measured points as somebody published them, and how far apart two runs of one configuration land."""
