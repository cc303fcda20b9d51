"""All sweep points of a store as one data frame, read from its index."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from inferbench.evidence.rerun_noise import rerun_half_width
from inferbench.files.yaml_values import read_value
from inferbench.metrics.summary import Origin
from inferbench.records import layout
from inferbench.runs.prediction_interval import half_width_of
from inferbench.scenario.scenario import Scenario
from inferbench.store.index import refresh
from inferbench.store.storage_backends import open_backend

RUN_COLUMNS = ("name", "scenario", "run_id", "state", "began_unix", "scenario_sha256")


def store_points(store: str | Path) -> pd.DataFrame:
    """A row per sweep point that has figures: its run, the facts and figures of the index, and its interval.

    Words are categories. `half_width` is the relative half-width of throughput: of a simulated point as verdicts take
    it, of an imported one how far re-runs of its class land apart. 0 where none is known: for a point of one's own,
    for a class without a figure, and where a scenario cannot be read.
    """
    table = refresh(open_backend(store)).table
    points = table["points"].combine_chunks()
    parents = pc.list_parent_indices(points)
    flat = pc.list_flatten(points)
    columns = {name: table[name].combine_chunks().take(parents) for name in RUN_COLUMNS}
    columns |= {field.name: flat.field(i) for i, field in enumerate(flat.type)}
    whole = pa.table(columns)
    usable = whole.filter(pc.and_(pc.is_valid(whole["tput_per_gpu"]), pc.is_valid(whole["interactivity"])))
    frame: pd.DataFrame = usable.to_pandas(strings_to_categorical=True)
    frame["half_width"] = _simulated_half_widths(frame, Path(store)) + _imported_half_widths(frame)
    return frame


def _simulated_half_widths(frame: pd.DataFrame, store: Path) -> pd.Series:
    """Half-widths by scenario, deployment and topology: each scenario is read once."""
    keys = ["scenario_sha256", "deployment", "topology"]
    simulated = frame[frame["origin"] == "simulated"]
    found: dict[tuple[object, ...], float] = {}
    for sha, own in simulated.groupby("scenario_sha256", observed=True):
        path = store / str(own["name"].iloc[0]) / layout.SCENARIO
        if not path.is_file():
            continue
        scenario = read_value(path, Scenario)
        for deployment, topology in own[keys[1:]].drop_duplicates().itertuples(index=False):
            found[sha, deployment, topology] = half_width_of(scenario, deployment, topology)
    if not found:
        return pd.Series(0.0, index=frame.index)
    widths = pd.Series(found, name="half_width").rename_axis(keys).reset_index()
    joined = simulated[keys].astype(object).merge(widths, on=keys, how="left").set_index(simulated.index)
    return joined["half_width"].reindex(frame.index).fillna(0.0)


def _imported_half_widths(frame: pd.DataFrame) -> pd.Series:
    widths = pd.Series(0.0, index=frame.index)
    for (framework, gpu), own in frame[frame["origin"] == Origin.IMPORTED.value].groupby(
        ["framework", "gpu"], observed=True
    ):
        widths.loc[own.index] = rerun_half_width(str(framework), str(gpu)) or 0.0
    return widths
