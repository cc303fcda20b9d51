"""Runs: what wires the other rooms, from a scenario to its records, summaries, costs, conclusions and page."""
