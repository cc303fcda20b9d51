"""Writing a run in other tools' formats, marked Unofficial."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from inferbench.errors import UsageError
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.formats.inferencex.aggregate_row import UNOFFICIAL, agg_row
from inferbench.formats.inferencex.flat_table import COLUMNS, table_row
from inferbench.formats.validity_keys import trust_keys
from inferbench.formats.vllm.write_result import METRICS, VllmHeader, vllm_result
from inferbench.metrics.summary import PointSummary
from inferbench.runs.interchange.export_format import ExportFormat
from inferbench.runs.interchange.measured_points import measured_points
from inferbench.runs.opened_run import Run
from inferbench.store.manifest import OfferedLoad


def export(run: Run, format: ExportFormat) -> Mapping[str, bytes]:
    """Return the contents of an export's files, by name, from `run`; `format` says whose format.

    inferencex: `agg_bmk.json`, one row per point. vllm: one result per point, from its records. csv: the columns that
    the importer reads. parquet: the points as a data frame. Raises UsageError where the run holds no point, or for
    vllm no records.
    """
    return _EXPORT[format](run)


def _inferencex(run: Run) -> dict[str, bytes]:
    rows = [agg_row(point) for point in measured_points(run)]
    return {"agg_bmk.json": orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)}


def _csv(run: Run) -> dict[str, bytes]:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table_row(point) for point in measured_points(run))
    return {"points.csv": text.getvalue().encode()}


def _parquet(run: Run) -> dict[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(run.points(), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"unofficial": UNOFFICIAL.encode()})
    out = io.BytesIO()
    pq.write_table(table, out)
    return {"points.parquet": out.getvalue()}


def _vllm(run: Run) -> dict[str, bytes]:
    if run.manifest.kind == "import":
        raise UsageError(f"{run.path}: imported points have no records, which a vLLM result is made from")
    by_key = {summary.point.key: point for summary, point in _pairs(run)}
    return {
        f"{entry.point.key}.json": orjson.dumps(
            _vllm_point(run, entry.point.key, by_key[entry.point.key]), option=orjson.OPT_APPEND_NEWLINE
        )
        for entry in run.manifest.points
        if entry.point.key in by_key
    }


def _pairs(run: Run) -> list[tuple[PointSummary, MeasuredPoint]]:
    usable = [summary for summary in run.summaries if summary.whole_run is not None]
    return list(zip(usable, measured_points(run), strict=True))


def _vllm_point(run: Run, key: str, point: MeasuredPoint) -> dict[str, Any]:
    from inferbench.records.reader import read_records
    from inferbench.store.verify import whole_point

    entry = [e for e in run.manifest.points if e.point.key == key][-1]
    summary = next(s for s in run.summaries if s.point.key == key)
    offered = entry.offered or OfferedLoad(max_concurrency=summary.point.concurrency)
    began = datetime.datetime.fromtimestamp(entry.benchmark_start_time_unix, datetime.UTC)
    header = VllmHeader(
        date=f"{began:%Y%m%d-%H%M%S}",
        endpoint_type="openai",
        model_id=point.model,
        num_prompts=summary.counts.planned,
        request_rate=offered.request_rate or math.inf,
        burstiness=offered.burstiness,
        max_concurrency=offered.max_concurrency,
        begin_unix=entry.benchmark_start_time_unix,
        end_unix=entry.benchmark_end_time_unix,
        metadata={
            "unofficial": UNOFFICIAL,
            "origin": summary.origin.value,
            "gpu": point.gpu,
            "gpus": str(point.gpus),
            "framework": point.framework,
            "precision": point.precision,
        },
    )
    records = read_records(whole_point(run.directory, run.manifest, key))
    result = vllm_result(records, header, percentile_metrics=METRICS, percentiles=(90, 99, 99.9))
    return result | trust_keys(summary)


_EXPORT: dict[ExportFormat, Callable[[Run], dict[str, bytes]]] = {
    ExportFormat.INFERENCEX: _inferencex,
    ExportFormat.VLLM: _vllm,
    ExportFormat.CSV: _csv,
    ExportFormat.PARQUET: _parquet,
}
