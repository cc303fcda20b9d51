"""Commands, environment and files of each engine and router, by role and version."""
