"""What inferbench is called where packages are installed from. `inferbench` itself is somebody else's there."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "inferbench-serving"


def own_version() -> str:
    """Version of the installed inferbench."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"


def install(extra: str) -> str:
    """The command that brings an optional part, as messages write it."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"
