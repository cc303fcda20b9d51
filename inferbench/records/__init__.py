"""What happened to each request, as facts: one record, all records column by column, and their files."""
