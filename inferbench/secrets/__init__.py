"""Secrets kept out of everything that is shown or stored: what is secret, and how it is taken out of a text."""
