"""Runs out of other tools' files, and into them."""
