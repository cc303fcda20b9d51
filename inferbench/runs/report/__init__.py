"""What a run says: its page, its tables, its sentences, and what must be known before any figure."""
