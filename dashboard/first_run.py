"""An empty store: how to get a first run, and a button that makes it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import data
from dashboard.text import plain

EXAMPLE = "deepseek-r1-mi355x-vs-b200"
SHOWN_LINES = 12


@dataclass
class FirstRun:
    """A run that the button has started."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """The last lines of what it has printed."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-SHOWN_LINES:])


@st.cache_resource(show_spinner=False)
def _started() -> dict[Path, FirstRun]:
    """Runs by store: one, however many windows look at it."""
    return {}


def start(store: Path, scenario: str = EXAMPLE) -> FirstRun:
    """Start a run of a scenario into a store as a child process."""
    output = Path(tempfile.mkstemp(prefix="inferbench-first-run-", suffix=".txt")[1])
    command = [sys.executable, "-m", "inferbench", "run", scenario, "--store", str(store)]
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    return FirstRun(process, output)


def show() -> None:
    """Show the page of an empty store; it goes away by itself when the first run is there."""
    store = data.store().resolve()
    st.title("No runs yet")
    st.write(plain(f"{store} holds none. The example compares three deployments of DeepSeek-R1 in about a minute:"))
    st.code(f"inferbench run {EXAMPLE}", language="shell")
    runs = _started()
    if store in runs and runs[store].process.poll() is None:
        _watch(runs[store])
        return
    if store in runs and runs[store].process.returncode:
        st.error("The run did not come to its end. It said:")
        st.code(runs[store].said, language=None)
    if st.button("Run the example", type="primary", icon=":material/play_arrow:"):
        runs[store] = start(store)
        st.rerun()
    st.caption("The twin simulates these deployments, so the example needs no GPU and sends nothing to a network.")


@st.fragment(run_every=1.0)
def _watch(run: FirstRun) -> None:
    """Show how the run goes on, and leave once it has ended or the store has a run."""
    if run.process.poll() is not None or data.listing():
        st.rerun()
    st.status("The example is running", state="running")
    if run.said:
        st.code(run.said, language=None)
