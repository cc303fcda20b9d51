"""Constants of the simulator, each with its source and how it was got."""
