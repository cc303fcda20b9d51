"""Text in and out: YAML that people write, numbers and names within bounds, cells of CSV, text for a terminal."""
