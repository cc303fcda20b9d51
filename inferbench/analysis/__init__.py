"""What the figures mean side by side: frontiers, readings at an operating point, verdicts, comparisons of runs."""
