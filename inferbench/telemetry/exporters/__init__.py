"""Metrics pages of engines, routers and GPU exporters, read into one vocabulary."""
