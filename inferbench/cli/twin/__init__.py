"""`inferbench twin`."""
