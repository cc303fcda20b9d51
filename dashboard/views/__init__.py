"""The views, a page a file: each reads the store, and shows what the rooms have made of it."""
