"""Is a candidate worse than its baseline? Policy, intervals, verdicts, and the history of a metric."""
