"""From a demand to a fleet: whole replicas, whole nodes, and what they cost a year."""
