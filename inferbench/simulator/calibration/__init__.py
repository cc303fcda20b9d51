"""Fitting the simulator's free parameters to measured serving points."""
