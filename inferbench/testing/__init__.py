"""Real engines on this machine for trials: which are installed, and a tiny model for them to serve."""
