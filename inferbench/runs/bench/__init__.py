"""An ad-hoc load against one endpoint, its repeats, and the search for the highest load that keeps an SLO."""
