"""Prefill and decode workers as servers of their own, and where the two meet."""
