"""Streamlit's own command, with what views need imported before the first window opens rather than while it waits."""

from __future__ import annotations

import sys

from streamlit.web.cli import main

import inferbench.pareto.question
import inferbench.pareto.store_points
import inferbench.runs.answers.fleets
import inferbench.runs.answers.what_if
import inferbench.runs.comparison.compare
import inferbench.runs.figures.charts  # noqa: F401

if __name__ == "__main__":
    sys.exit(main())
