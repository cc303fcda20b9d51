"""Scoring the simulator on measured points that it was not fitted to."""
