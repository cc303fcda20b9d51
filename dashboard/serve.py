"""Streamlit's own command, with what views need imported before the first window opens rather than while it waits."""

from __future__ import annotations

import sys

from streamlit.web.cli import main

import inferbench.api.comparing
import inferbench.api.sizing
import inferbench.api.store_frontier
import inferbench.api.store_points
import inferbench.api.what_if
import inferbench.report.figures  # noqa: F401

if __name__ == "__main__":
    sys.exit(main())
