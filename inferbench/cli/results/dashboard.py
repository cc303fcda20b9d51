"""`inferbench dashboard`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

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
_CHECKOUT = Path(__file__).parents[3] / "dashboard"


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
    app = app_file()
    start, server = (str(app.with_name(name)) for name in ("serve.py", "server.py"))
    command = [sys.executable, start, "run", server, *flags, "--", str(store.resolve())]
    # In place of this process, so that whoever ends the command ends the server.
    os.execv(sys.executable, command)


def app_file() -> Path:
    """The dashboard's entry point: the checkout's own where this is one, else the wheel's."""
    spec = find_spec("inferbench_dashboard")
    installed = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    own = [_CHECKOUT] if (_CHECKOUT.parent / "pyproject.toml").is_file() else []
    return next(place / "app.py" for place in [*own, *installed] if (place / "app.py").is_file())
