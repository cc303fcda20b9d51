"""A regression verdict as tables, charts, a page, JSON, JUnit XML and Markdown."""
