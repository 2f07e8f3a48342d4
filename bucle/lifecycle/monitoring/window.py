"""Read what a monitor judges from the prediction log: only the columns that its rules need."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.governance.session import Session
from bucle.lifecycle import registry, serving
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.data import Profile
from bucle.lifecycle.monitoring.records import MonitorSpec

HISTORY = 14  # earlier stretches that say how many requests are usual
FEATURE, OUTPUT = "in_", "out_"
OUTPUTS = frozenset({"prediction", "probability"})
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation starts from."""

    spec: MonitorSpec
    at: datetime
    since: datetime
    champion: registry.ModelVersion | None  # None: nothing is served
    classes: tuple[str | int | bool, ...]  # of the champion; (): it is no classifier
    reference: Profile | None  # None: the champion has none, or nothing is compared with it
    costs: ErrorCosts | None  # None: the charter does not price errors


def read_window(session: Session, seen: Seen, *, longest: datetime) -> pa.Table:
    """Return the rows from `longest` on, in the columns that the monitor's rules speak of."""
    spec = seen.spec
    asked = ["at", "share"]
    if seen.reference is not None:
        names = [column.name for column in seen.reference.columns]
        asked += ["model_ref", *(_logged(name) for name in names)]
    if spec.performance:
        asked += ["id", "model_ref", "error", f"{OUTPUT}prediction", f"{OUTPUT}probability"]
        asked += [f"{FEATURE}{name}" for name in registry.amount_columns(seen.costs)]
    columns = list(dict.fromkeys(asked))
    return serving.read_predictions(session, spec.deployment, longest, seen.at, columns=columns)


def logged_part(reference: Profile, is_logged: Callable[[str], bool]) -> Profile:
    """Return what of a reference can be compared: the log may hold no values of some inputs."""
    columns = tuple(
        column for column in reference.columns if column.name in OUTPUTS or is_logged(column.name)
    )
    return msgspec.structs.replace(reference, columns=columns)


def stretches(rows: pa.Table, at: datetime, span: timedelta) -> tuple[int, tuple[int, ...]]:
    """Count the requests of the last stretch, and of those before it since the first request.

    Where a share of them was logged, each stands for as many as it says.  A stretch in which the
    first request came does not count: it was not in service all along.
    """
    first = pc.min(rows["at"]).as_py()
    ends = [at - span * back for back in range(HISTORY + 1)]
    counts = [_count(rows, end - span, end) for end in ends]
    earlier = tuple(
        count
        for count, end in zip(counts[1:], ends[1:], strict=True)
        # a request a little later than the stretch's beginning is what an hourly caller sends
        if first is not None and end - span >= first - span / 100
    )
    return counts[0], earlier


def since(rows: pa.Table, first: datetime) -> pa.Table:
    """Return the rows from a moment on."""
    moments = rows["at"]
    return rows.filter(pc.greater_equal(moments, pa.scalar(first, moments.type)))


def features(rows: pa.Table, reference: Profile, model: str) -> tuple[pa.Table, dict[str, int]]:
    """Return rows in the reference's columns and kinds; answers of other models are left out.

    Also returns, by column, how many values are of another kind than the reference's: they
    count as missing.  A text that reads as a number is a number.
    """
    mine = pc.equal(rows["model_ref"], model)
    found: dict[str, pa.ChunkedArray] = {}
    strange: dict[str, int] = {}
    for column in reference.columns:
        values = rows[_logged(column.name)]
        fitted = _as_kind(values, column.kind)
        lost = fitted.null_count - values.null_count
        if lost:
            strange[column.name] = lost
        if column.name in OUTPUTS:
            fitted = pc.if_else(mine, fitted, pa.scalar(None, fitted.type))
        found[column.name] = fitted
    return pa.table(found), strange


def _logged(name: str) -> str:
    return f"{OUTPUT if name in OUTPUTS else FEATURE}{name}"


def _count(rows: pa.Table, first: datetime, until: datetime) -> int:
    moments = rows["at"]
    kind = moments.type
    inside = pc.and_(
        pc.greater_equal(moments, pa.scalar(first, kind)), pc.less(moments, pa.scalar(until, kind))
    )
    return round(pc.sum(pc.divide(1.0, rows["share"].filter(inside))).as_py() or 0)


def _as_kind(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """Return values as the reference's kind has them; null where they are none."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    given = values.type
    if kind == "number":
        return _as_number(values)
    if kind == "time":
        times = pa.types.is_timestamp(given) or pa.types.is_date(given)
        return values if times else _nothing(values, pa.timestamp("us", "UTC"))
    if pa.types.is_nested(given) or pa.types.is_null(given):
        return _nothing(values, pa.string())
    if kind == "bool" and (pa.types.is_integer(given) or pa.types.is_floating(given)):
        return pc.not_equal(values, 0)
    return values


def _as_number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    given = values.type
    if pa.types.is_integer(given) or pa.types.is_floating(given):
        return values
    if pa.types.is_boolean(given) or pa.types.is_decimal(given):
        return values.cast(pa.float64())
    if pa.types.is_string(given) or pa.types.is_large_string(given):
        numbers = pc.if_else(pc.match_substring_regex(values, _NUMBER), values, None)
        return pc.utf8_trim_whitespace(numbers).cast(pa.float64())
    return _nothing(values, pa.float64())


def _nothing(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(len(values), kind)], kind)
