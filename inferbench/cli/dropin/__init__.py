"""Command lines of other load generators, and what each of their flags is here."""
