"""`inferbench dashboard`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from inferbench.catalog.bundled import bundled
from inferbench.cli.options import shared
from inferbench.distribution import install
from inferbench.errors import UsageError
from inferbench.store.run_directory import DEFAULT_STORE

LOOK = {
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "runner.magicEnabled": "false",
    "server.fileWatcherType": "none",
    "theme.headingFontSizes": '["2rem", "1.6rem", "1.25rem", "1.1rem", "1rem", "0.9rem"]',
    "theme.light.primaryColor": "#0063a0",
    "theme.dark.primaryColor": "#6db9ef",
}
"""Settings of an application that is used, not written: no deploy button, no tracebacks, no watch on its files."""


def dashboard(
    store: Annotated[Path, typer.Option(help="The store to show.")] = DEFAULT_STORE,
    host: shared.ListenOn = shared.DEFAULT_HOST,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the runs of a store in a browser."""
    if find_spec("streamlit") is None:
        raise UsageError(f"the dashboard needs streamlit: {install('dashboard')}")
    # No usage statistics leave the machine, and the page is for this machine unless asked otherwise.
    settings = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
        "browser.gatherUsageStats": "false",
        **LOOK,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    folder = bundled("dashboard")
    command = [
        sys.executable,
        "-m",
        "dashboard.serve",
        "run",
        str(folder / "server.py"),
        *flags,
        "--",
        str(store.resolve()),
    ]
    # In place of this process, so that whoever ends the command ends the server. The dashboard is a package beside
    # ours, which Python finds by where it lies.
    os.execve(sys.executable, command, os.environ | {"PYTHONPATH": _before(folder.parent)})


def _before(place: Path) -> str:
    """Where Python looks for modules, with `place` first."""
    return os.pathsep.join([str(place), *filter(None, [os.environ.get("PYTHONPATH")])])
