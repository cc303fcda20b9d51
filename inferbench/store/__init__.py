"""The store: run directories, their formats and versions. A run directory holds all that its numbers stand on."""
