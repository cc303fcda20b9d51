"""Processes of our own: how each runs its work, how whoever started one ends it, and a pool of them."""
