"""Metrics: every figure has one name, one unit and one formula, and they are here."""
