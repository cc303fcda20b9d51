"""Whether a run that never ended is still being written, and what can be done about one that is not."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from inferbench.store.manifest import RunManifest, RunState


def is_held(run: Path) -> bool:
    """Whether a process holds a run as its writer, or a file system without locks keeps that from being known."""
    try:
        handle = os.open(run, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def as_it_is(manifest: RunManifest, run: Path) -> RunManifest:
    """The manifest of a run, BROKEN where it says that the run goes on and nobody is writing it any more."""
    if manifest.state is not RunState.RUNNING or is_held(run):
        return manifest
    reason = f"its process was killed; {how_to_go_on(manifest, run)}"
    return manifest.model_copy(update={"state": RunState.BROKEN, "reason": reason})


def how_to_go_on(manifest: RunManifest, run: Path) -> str:
    """What a person can do with a run that never ended."""
    if manifest.kind != "run":
        return "such a run cannot be resumed: start it again"
    site = " --base-url URL" if manifest.attachments else ""
    return f"`inferbench run --resume {run}{site}` goes on with it"
