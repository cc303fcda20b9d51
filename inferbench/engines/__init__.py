"""Real engines on this machine: which are installed, a tiny model for them to serve, and which cores they run on."""
