"""What the model server counts, as Prometheus reads it (text format 0.0.4)."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

import msgspec

# Seconds; the last bucket of the text is +Inf.
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Gauge(msgspec.Struct, frozen=True):
    """A value that goes up and down."""

    name: str
    told: str
    values: Mapping[str, float]  # by deployment; "": of the whole server


class Counts:
    """What one variant of one deployment has answered."""

    __slots__ = ("buckets", "errors", "latency_s", "requests", "rows")

    def __init__(self) -> None:
        self.requests = 0
        self.rows = 0
        self.errors = 0
        self.latency_s = 0.0
        self.buckets = [0] * (len(_BOUNDS) + 1)

    def add(self, rows: int, latency_s: float, *, failed: bool) -> None:
        """Count one request that reached the model."""
        self.requests += 1
        self.rows += rows
        self.errors += failed
        self.latency_s += latency_s
        self.buckets[bisect_left(_BOUNDS, latency_s)] += 1


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.variants: dict[tuple[str, str, str, str], Counts] = {}
        self.refused: dict[tuple[str, int], int] = {}
        self.more: list[Callable[[], Iterable[str]]] = []  # what others count, as lines

    def counts(self, project: str, deployment: str, model: str, variant: str) -> Counts:
        """Return the counters of a variant."""
        return self.variants.setdefault((project, deployment, model, variant), Counts())

    def refuse(self, deployment: str, status: int) -> None:
        """Count a request that was answered with an error."""
        key = (deployment, status)
        self.refused[key] = self.refused.get(key, 0) + 1

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
            f'bucle_predict_refused_total{{deployment="{quoted(name)}",status="{status}"}} {count}'
            for (name, status), count in self.refused.items()
        ]
        lines += _heading("bucle_predict_latency_seconds", "histogram", "Time in the model server.")
        for key, item in self.variants.items():
            lines += _histogram(key, item)
        for gauge in gauges:
            lines += _heading(gauge.name, "gauge", gauge.told)
            lines += [
                f'{gauge.name}{{deployment="{quoted(name)}"}} {value:g}'
                if name
                else f"{gauge.name} {value:g}"
                for name, value in gauge.values.items()
            ]
        for counted in self.more:
            lines += counted()
        return ("\n".join(lines) + "\n").encode()


def _histogram(key: tuple[str, str, str, str], item: Counts) -> Iterable[str]:
    name, labels, total = "bucle_predict_latency_seconds", _labels(key)[:-1], 0
    for bound, count in zip((*_BOUNDS, None), item.buckets, strict=True):
        total += count
        text = "+Inf" if bound is None else f"{bound:g}"
        yield f'{name}_bucket{labels},le="{text}"}} {total}'
    yield f"{name}_sum{labels}}} {item.latency_s:.6f}"
    yield f"{name}_count{labels}}} {total}"


def _heading(name: str, kind: str, told: str) -> tuple[str, str]:
    return f"# HELP {name} {told}", f"# TYPE {name} {kind}"


def _labels(key: tuple[str, str, str, str]) -> str:
    names = ("project", "deployment", "model", "variant")
    pairs = (f'{name}="{quoted(value)}"' for name, value in zip(names, key, strict=True))
    return "{" + ",".join(pairs) + "}"


def quoted(text: str) -> str:
    """Return a label's value as it stands between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
