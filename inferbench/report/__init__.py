"""Reports: tables, figures, pages and machine-readable text, all made from values and returned as values."""
