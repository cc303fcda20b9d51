"""Simulated deployments behind an OpenAI-compatible HTTP server, in real time."""
