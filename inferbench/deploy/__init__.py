"""Launch plans: everything that a real cluster needs to run a deployment, from the scenario that the twin reads."""
