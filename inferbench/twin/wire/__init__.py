"""Simulated servers on the wire: any target behind an OpenAI-compatible HTTP server, in real time."""
