"""The calls about the histories of metrics: whole, in pages, of many runs, thinned out.

A history may have millions of points.  They are held as columns of numbers and become JSON some
thousands at a time, while the answer is already being sent.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec

from bucle.base.errors import Invalid
from bucle.base.figure import NotANumber, plain_figure
from bucle.base.page import decode_offset, encode_token
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.interfaces.http.answers import Answer
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.runs import run_ref
from bucle.interfaces.mlflow.sheets import Metric
from bucle.lifecycle.tracking.points import (
    Series,
    between,
    page_by_time,
    series_by_step,
    series_by_time,
    thin_out,
)
from bucle.lifecycle.tracking.search import get_head

_MOST_BULK = 25_000
_MOST_RUNS = 100
_MOST_PER_RUN = 2_500
_CHUNK = 10_000  # points that become JSON at once
_LARGEST_OFFSET = 1 << 40


class GetHistory(msgspec.Struct, kw_only=True):
    """Which metric of which run; without `max_results`, all of its points."""

    metric_key: str
    run_id: str = ""
    run_uuid: str = ""
    page_token: str = ""
    max_results: int | None = None


class GetBulk(msgspec.Struct, kw_only=True):
    """One metric of several runs."""

    metric_key: str
    run_id: list[str] = []
    max_results: int = _MOST_BULK


class GetInterval(msgspec.Struct, kw_only=True):
    """One metric of several runs, thinned out for a chart."""

    metric_key: str
    run_ids: list[str] = []
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = _MOST_PER_RUN


class MetricOfRun(msgspec.Struct, kw_only=True, gc=False):
    """A point of a metric, and whose it is."""

    key: str
    value: float | NotANumber
    timestamp: int
    step: int
    run_id: str


class FoundPoints(msgspec.Struct, kw_only=True):
    """Points of several runs."""

    metrics: list[MetricOfRun]


def _history(session: Session, q: GetHistory) -> Answer:
    if q.max_results is not None and q.max_results < 1:
        raise Invalid(f"Invalid value {q.max_results} for parameter 'max_results' supplied.")
    ref = run_ref(q.run_id, q.run_uuid)
    mark = f"{ref.name}/{q.metric_key}"
    start = decode_offset(q.page_token or None, mark)
    next_start: int | None = None
    with session.begin(write=False) as scope:  # of a run that is not there, no points
        if q.max_results is None:
            series = series_by_time(scope, ref, q.metric_key).part(start, _LARGEST_OFFSET)
        else:
            series, next_start = page_by_time(scope, ref, q.metric_key, start, q.max_results)
    token = "" if next_start is None else encode_token(mark, next_start)
    return Answer(stream=_json(q.metric_key, series, token))


def _bulk(session: Session, q: GetBulk) -> FoundPoints:
    if not 0 < len(q.run_id) <= _MOST_RUNS:
        raise Invalid(f"the request names {len(q.run_id)} runs; 1 to {_MOST_RUNS} are allowed")
    left = max(0, min(q.max_results, _MOST_BULK))
    found: list[MetricOfRun] = []
    with session.begin(write=False) as scope:
        for run in sorted(set(q.run_id)):
            series = series_by_time(scope, Ref("run", run), q.metric_key)
            found += _of_run(run, q.metric_key, series.part(0, left - len(found)))
    return FoundPoints(metrics=found)


def _interval(session: Session, q: GetInterval) -> FoundPoints:
    if not 0 < len(q.run_ids) <= _MOST_RUNS:
        raise Invalid(f"the request names {len(q.run_ids)} runs; 1 to {_MOST_RUNS} are allowed")
    if not 1 <= q.max_results <= _MOST_PER_RUN:
        raise Invalid(f"max_results must be between 1 and {_MOST_PER_RUN}.")
    start, end = q.start_step, q.end_step
    if (start is None) != (end is None):
        raise Invalid("If either start step or end step are specified, both must be specified.")
    if start is not None and end is not None and start > end:
        raise Invalid(f"end_step must be greater than start_step: {start}, {end}")
    found: list[MetricOfRun] = []
    with session.begin(write=False) as scope:
        for run in q.run_ids:
            ref = Ref("run", run)
            get_head(scope, ref)
            series = series_by_step(scope, ref, q.metric_key)
            if start is not None and end is not None:
                series = between(series, start, end)
            found += _of_run(run, q.metric_key, thin_out(series, q.max_results))
    return FoundPoints(metrics=found)


def _json(key: str, series: Series, token: str) -> Iterator[bytes]:
    """Yield the answer: whoever reads it holds some thousands of points as objects, not all."""
    yield b'{"metrics":['
    for start in range(0, len(series), _CHUNK):
        points = [
            Metric(key=key, value=value, timestamp=time, step=step)
            for step, time, value in _rows(series.part(start, start + _CHUNK))
        ]
        yield (b"," if start else b"") + msgspec.json.encode(points)[1:-1]
    yield b"]"
    if token:
        yield b',"next_page_token":' + msgspec.json.encode(token)
    yield b"}"


def _of_run(run: str, key: str, series: Series) -> list[MetricOfRun]:
    return [
        MetricOfRun(key=key, value=value, timestamp=time, step=step, run_id=run)
        for step, time, value in _rows(series)
    ]


def _rows(series: Series) -> Iterator[tuple[int, int, float | NotANumber]]:
    values: Sequence[float | NotANumber] = series.values.tolist()
    if not math.isfinite(sum(series.values.tolist())):
        values = [plain_figure(float(value)) for value in values]
    return zip(series.steps.tolist(), series.times.tolist(), values, strict=True)


_PATH = "mlflow/metrics"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET", path=f"{_PATH}/get-history", request=GetHistory, handle=_history, is_long=True
    ),
    Endpoint(
        method="GET", path=f"{_PATH}/get-history-bulk", request=GetBulk, handle=_bulk, is_long=True
    ),
    Endpoint(
        method="GET",
        path=f"{_PATH}/get-history-bulk-interval",
        request=GetInterval,
        handle=_interval,
        is_long=True,
    ),
)
