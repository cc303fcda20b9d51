"""The steady state of a deployment in a closed loop, without events, and the search over topologies that it allows."""
