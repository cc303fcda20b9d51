"""Measuring the parts of a deployment by themselves: KV transfer between two processes or hosts."""
