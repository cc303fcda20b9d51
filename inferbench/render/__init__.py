"""How things look: tables and charts as values, and their terminal text, Markdown and HTML."""
