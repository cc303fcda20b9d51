"""Fitting the twin to measured serving points, and scoring it on them."""
