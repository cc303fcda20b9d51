"""Commands over runs that are done."""
