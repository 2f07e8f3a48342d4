"""What the model server counts, as Prometheus reads it (text format 0.0.4).

By variant (`project`, `deployment`, `model`, `variant`): `bucle_predict_requests_total`,
`_rows_total`, `_errors_total`, `_late_total` (past their deadline), and the histograms
`_latency_seconds` (a request, from its rows to its answer), `_queue_seconds` (the part of it before
the model begins), `_model_seconds` (a batch in the model) and `_batch_rows`.  By deployment:
`_refused_total` by status, `_rejected_total` by reason (`full`, `draining`).  Gauges come from
others (`routes/admin.py`).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec

# Seconds; the last bucket of the text is +Inf.
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Gauge(msgspec.Struct, frozen=True):
    """A value that goes up and down."""

    name: str
    told: str
    values: Mapping[str, float]  # by deployment; "": of the whole server


class Histogram:
    """How often a value fell between which bounds."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...] = _BOUNDS) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, values: Sequence[float]) -> None:
        """Count values."""
        bounds, buckets = self.bounds, self.buckets
        for value in values:
            buckets[bisect_left(bounds, value)] += 1
        self.total += sum(values)


class Counts:
    """What one variant of one deployment has answered."""

    __slots__ = ("batches", "errors", "late", "latency", "model", "requests", "rows", "waits")

    def __init__(self) -> None:
        self.requests = 0
        self.rows = 0
        self.errors = 0
        self.late = 0  # their deadline passed
        self.latency = Histogram()
        self.waits = Histogram()  # in the queue
        self.model = Histogram()  # per batch
        self.batches = Histogram(_ROWS)  # rows of each

    def note_requests(
        self, rows: int, latency_s: Sequence[float], wait_s: Sequence[float], *, failed: bool
    ) -> None:
        """Count requests that reached the model, with their rows."""
        self.requests += len(latency_s)
        self.rows += rows
        self.errors += len(latency_s) * failed
        self.latency.note(latency_s)
        self.waits.note(wait_s)

    def note_batch(self, rows: int, model_s: float) -> None:
        """Count rows that the model was given together."""
        self.batches.note((rows,))
        self.model.note((model_s,))


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.variants: dict[tuple[str, str, str, str], Counts] = {}
        self.refused: dict[tuple[str, int], int] = {}
        self.overloads: dict[tuple[str, str], int] = {}

    def counts(self, project: str, deployment: str, model: str, variant: str) -> Counts:
        """Return the counters of a variant."""
        return self.variants.setdefault((project, deployment, model, variant), Counts())

    def refuse(self, deployment: str, status: int) -> None:
        """Count a request that was answered with an error."""
        key = (deployment, status)
        self.refused[key] = self.refused.get(key, 0) + 1

    def note_overload(self, deployment: str, reason: str) -> None:
        """Count a request that was not taken: `full`, or `draining`."""
        key = (deployment, reason)
        self.overloads[key] = self.overloads.get(key, 0) + 1

    def text(self, gauges: Iterable[Gauge]) -> bytes:
        """Return everything, with the gauges that others keep."""
        lines = list(_heading("bucle_predict_requests_total", "counter", "Requests by variant."))
        lines += [
            f"bucle_predict_requests_total{_labels(key)} {item.requests}"
            for key, item in self.variants.items()
        ]
        lines += _heading("bucle_predict_rows_total", "counter", "Rows predicted.")
        lines += [
            f"bucle_predict_rows_total{_labels(key)} {item.rows}"
            for key, item in self.variants.items()
        ]
        lines += _heading("bucle_predict_errors_total", "counter", "Requests that a model failed.")
        lines += [
            f"bucle_predict_errors_total{_labels(key)} {item.errors}"
            for key, item in self.variants.items()
        ]
        lines += _heading("bucle_predict_refused_total", "counter", "Requests refused, by status.")
        lines += [
            f'bucle_predict_refused_total{{deployment="{_quoted(name)}",status="{status}"}} {count}'
            for (name, status), count in self.refused.items()
        ]
        lines += _heading("bucle_predict_rejected_total", "counter", "Not taken, by reason.")
        lines += [
            f'bucle_predict_rejected_total{{deployment="{_quoted(name)}",reason="{why}"}} {count}'
            for (name, why), count in self.overloads.items()
        ]
        lines += _heading("bucle_predict_late_total", "counter", "Requests past their deadline.")
        lines += [
            f"bucle_predict_late_total{_labels(key)} {item.late}"
            for key, item in self.variants.items()
        ]
        for name, told, pick in _HISTOGRAMS:
            lines += _heading(name, "histogram", told)
            for key, item in self.variants.items():
                lines += _histogram(name, key, pick(item))
        for gauge in gauges:
            lines += _heading(gauge.name, "gauge", gauge.told)
            lines += [
                f'{gauge.name}{{deployment="{_quoted(name)}"}} {value:g}'
                if name
                else f"{gauge.name} {value:g}"
                for name, value in gauge.values.items()
            ]
        return ("\n".join(lines) + "\n").encode()


_HISTOGRAMS: tuple[tuple[str, str, Callable[[Counts], Histogram]], ...] = (
    ("bucle_predict_latency_seconds", "Time in the model server.", attrgetter("latency")),
    ("bucle_predict_queue_seconds", "Time in the queue.", attrgetter("waits")),
    ("bucle_predict_model_seconds", "Time in the model, by batch.", attrgetter("model")),
    ("bucle_predict_batch_rows", "Rows that went to the model together.", attrgetter("batches")),
)


def _histogram(name: str, key: tuple[str, str, str, str], item: Histogram) -> Iterable[str]:
    labels, total = _labels(key)[:-1], 0
    for bound, count in zip((*item.bounds, None), item.buckets, strict=True):
        total += count
        text = "+Inf" if bound is None else f"{bound:g}"
        yield f'{name}_bucket{labels},le="{text}"}} {total}'
    yield f"{name}_sum{labels}}} {item.total:.6f}"
    yield f"{name}_count{labels}}} {total}"


def _heading(name: str, kind: str, told: str) -> tuple[str, str]:
    return f"# HELP {name} {told}", f"# TYPE {name} {kind}"


def _labels(key: tuple[str, str, str, str]) -> str:
    names = ("project", "deployment", "model", "variant")
    pairs = (f'{name}="{_quoted(value)}"' for name, value in zip(names, key, strict=True))
    return "{" + ",".join(pairs) + "}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
