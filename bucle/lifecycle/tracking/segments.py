"""Segments: metric points packed into bytes, and unpacked.

A segment holds points grouped by series and ordered by step, time and value.  Steps and times
are stored as differences, which compress to almost nothing; values keep every bit, so that NaN
and infinity come back.  Why not rows: docs/decisions/0005-metric-points.md.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from struct import error as struct_error
from struct import pack as pack_whole
from typing import TYPE_CHECKING, NamedTuple

from bucle.base.errors import Invalid
from bucle.base.figure import Figure
from bucle.lifecycle.tracking.records import MetricHistory, MetricPoints, MetricSummary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CODEC = "zstd"
_COMPRESSED = b"\x28\xb5\x2f\xfd"  # how a Zstandard frame begins (RFC 8878); other bodies are plain
_POINT_BYTES = 24  # step, time, value: eight bytes each
_MOST_BOUNDED = 64  # series of a segment whose bounds are worth keeping
_WORTH_A_LOOK = 1_000  # points: below this, sorting is as quick as looking


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Points in memory: `codes` index `names`, rows are in the segment's order."""

    names: tuple[str, ...]
    codes: "NDArray[np.int64]"
    steps: "NDArray[np.int64]"
    times: "NDArray[np.int64]"
    values: "NDArray[np.float64]"


class Bounds(NamedTuple):
    """The first and the last step and time of a series in a segment, where time goes with steps."""

    first_step: int
    last_step: int
    first_at: int
    last_at: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Points at rest: `series` says how many points of which name lie behind each other."""

    series: tuple[tuple[str, int], ...]
    body: bytes
    # One for each series, or none at all: then it is not known what a reader may leave out.
    bounds: tuple[Bounds | None, ...] = ()

    @property
    def count(self) -> int:
        """The number of points."""
        return sum(count for _, count in self.series)


def columns_of(points: MetricPoints) -> Columns:
    """Turn a batch into ordered columns.

    Raises:
        Invalid: the columns differ in length, or a step or time does not fit 64 bits.
    """
    import numpy as np

    _check_lengths(points)
    names = tuple(sorted(set(points.names)))
    place = {name: index for index, name in enumerate(names)}
    try:
        return _ordered(
            names,
            np.fromiter((place[name] for name in points.names), np.int64, len(points.names)),
            np.array(points.steps, np.int64),
            np.array(points.times, np.int64),
            np.array(points.values, np.float64),
        )
    except OverflowError as error:
        raise Invalid(f"a step or a time of a point is too large: {error}") from error


def pack(columns: Columns, most: int) -> list[Segment]:
    """Pack ordered columns into segments of at most `most` points."""
    return [
        _packed(columns, start, min(start + most, len(columns.steps)))
        for start in range(0, len(columns.steps), most)
    ]


def pack_few(points: MetricPoints) -> tuple[list[Segment], list[MetricSummary]]:
    """Pack a handful of points into one segment and summarise them, as `pack` does, without NumPy.

    Raises:
        Invalid: the columns differ in length, or a step or time does not fit 64 bits.
    """
    rows = _rows_of(points)
    counts = Counter(name for name, *_ in rows)
    try:
        steps = pack_whole(f"<{len(rows)}q", *_differences([row[1] for row in rows]))
        times = pack_whole(f"<{len(rows)}q", *_differences([row[2] for row in rows]))
    except struct_error as error:
        raise Invalid(f"a step or a time of a point is too large: {error}") from error
    values = pack_whole(f"<{len(rows)}d", *(row[4] for row in rows))
    segment = Segment(
        series=tuple(counts.items()),
        body=_plain(steps + times + values),
        bounds=tuple(_bounds_of([row for row in rows if row[0] == name]) for name in counts),
    )
    summaries: dict[str, MetricSummary] = {}
    for name, step, time, _, value in rows:
        one = MetricSummary(
            name=name, last=Figure(value), last_step=step, last_at=time,
            minimum=Figure(value), maximum=Figure(value), count=1,
        )  # fmt: skip
        summaries[name] = merge(summaries[name], one) if name in summaries else one
    return [segment], list(summaries.values())


def _bounds_of(rows: Sequence[tuple[str, int, int, bool, float]]) -> Bounds | None:
    times = [row[2] for row in rows]
    if times != sorted(times):
        return None
    return Bounds(rows[0][1], rows[-1][1], times[0], times[-1])


def _rows_of(points: MetricPoints) -> list[tuple[str, int, int, bool, float]]:
    """Return points in a segment's order: NaN is the least value."""
    _check_lengths(points)
    values = map(float, points.values)
    columns = zip(points.names, points.steps, points.times, values, strict=True)
    return sorted((name, step, time, not math.isnan(v), v) for name, step, time, v in columns)


def _differences(numbers: list[int]) -> list[int]:
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def unpack(segments: Sequence[Segment]) -> Columns:
    """Unpack segments into one set of ordered columns."""
    import numpy as np

    names = tuple(sorted({name for segment in segments for name, _ in segment.series}))
    place = {name: index for index, name in enumerate(names)}
    parts = [
        (
            np.repeat(
                np.array([place[name] for name, _ in segment.series], np.int64),
                np.array([count for _, count in segment.series], np.int64),
            ),
            *_unpacked(segment),
        )
        for segment in segments
    ] or [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    codes, steps, times, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _ordered(names, codes, steps, times, values)


def unpack_series(segments: Sequence[Segment], name: str) -> Columns:
    """Unpack one series out of segments, in order."""
    import numpy as np

    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for segment in segments:
        start = 0
        for other, count in segment.series:
            if other == name:
                parts.append(tuple(column[start : start + count] for column in _unpacked(segment)))  # type: ignore[arg-type]
            start += count
    steps, times, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    codes = np.zeros(len(steps), np.int64)
    return _ordered((name,), codes, steps, times, values)


def summaries_of(columns: Columns) -> list[MetricSummary]:
    """Summarise each series of ordered columns."""
    import numpy as np

    if not len(columns.codes):
        return []
    starts = np.flatnonzero(np.diff(columns.codes, prepend=-1))
    ends = np.append(starts[1:], len(columns.codes))
    minima, maxima = (
        reduce.reduceat(columns.values, starts).tolist() for reduce in (np.fmin, np.fmax)
    )
    return [
        MetricSummary(
            name=columns.names[int(columns.codes[start])],
            last=Figure(columns.values[end - 1]),
            last_step=int(columns.steps[end - 1]),
            last_at=int(columns.times[end - 1]),
            minimum=Figure(minimum),
            maximum=Figure(maximum),
            count=int(end - start),
        )
        for start, end, minimum, maximum in zip(starts, ends, minima, maxima, strict=True)
    ]


def merge(left: MetricSummary, right: MetricSummary) -> MetricSummary:
    """Summarise a series of which two parts are summarised; `right` came later."""
    last = max(left, right, key=_place)
    return MetricSummary(
        name=last.name,
        last=last.last,
        last_step=last.last_step,
        last_at=last.last_at,
        minimum=_lesser(left.minimum, right.minimum),
        maximum=Figure(-_lesser(Figure(-left.maximum), Figure(-right.maximum))),
        count=left.count + right.count,
    )


def history_of(name: str, columns: Columns) -> MetricHistory:
    """Return the columns of one series as a record."""
    return MetricHistory(
        name=name,
        steps=tuple(columns.steps.tolist()),
        times=tuple(columns.times.tolist()),
        values=tuple(map(Figure, columns.values.tolist())),
    )


def _place(part: MetricSummary) -> tuple[int, int, bool, float]:
    """Return where the last point stands; of one moment, a number counts more than NaN."""
    return part.last_step, part.last_at, not math.isnan(part.last), part.last


def _lesser(left: Figure, right: Figure) -> Figure:
    return right if math.isnan(left) or right < left else left


def _check_lengths(points: MetricPoints) -> None:
    lengths = [len(column) for column in (points.names, points.steps, points.times, points.values)]
    if len(set(lengths)) > 1:
        raise Invalid(
            "the columns of a batch of points differ in length: "
            f"{lengths[0]} names, {lengths[1]} steps, {lengths[2]} times, {lengths[3]} values"
        )


def _plain(raw: bytes) -> bytes:
    """Return a short body as it is; compressing a point or two takes time and makes it longer."""
    return _compressed(raw) if raw.startswith(_COMPRESSED) else raw


def _compressed(raw: bytes) -> bytes:
    import pyarrow as pa

    body: bytes = pa.compress(raw, codec=_CODEC, asbytes=True)
    return body


def _ordered(
    names: tuple[str, ...],
    codes: "NDArray[np.int64]",
    steps: "NDArray[np.int64]",
    times: "NDArray[np.int64]",
    values: "NDArray[np.float64]",
) -> Columns:
    import numpy as np

    if _in_order(codes, steps, times):
        return Columns(names=names, codes=codes, steps=steps, times=times, values=values)
    numbers = ~np.isnan(values)  # NumPy sorts NaN last, and of one moment the last value counts
    moments = (times, steps, codes)
    order = np.lexsort((values, *moments) if numbers.all() else (values, numbers, *moments))
    return Columns(
        names=names,
        codes=codes[order],
        steps=steps[order],
        times=times[order],
        values=values[order],
    )


def _in_order(
    codes: "NDArray[np.int64]", steps: "NDArray[np.int64]", times: "NDArray[np.int64]"
) -> bool:
    """Tell whether points stand in order already, no two at one moment: to sort costs more."""
    import numpy as np

    if len(codes) < _WORTH_A_LOOK:
        return False
    later = np.diff(times) > 0
    further = np.diff(steps)
    later_series = np.diff(codes) > 0
    in_series = (np.diff(codes) == 0) & ((further > 0) | ((further == 0) & later))
    return bool((later_series | in_series).all())


def _packed(columns: Columns, start: int, end: int) -> Segment:
    import numpy as np

    codes, counts = np.unique(columns.codes[start:end], return_counts=True)
    raw = b"".join(
        (
            np.diff(columns.steps[start:end], prepend=0).tobytes(),
            np.diff(columns.times[start:end], prepend=0).tobytes(),
            columns.values[start:end].tobytes(),
        )
    )
    return Segment(
        series=tuple(
            (columns.names[code], count)
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        ),
        body=_compressed(raw),
        bounds=_bounds(columns, start, counts.tolist()) if len(codes) <= _MOST_BOUNDED else (),
    )


def _bounds(columns: Columns, start: int, counts: Sequence[int]) -> tuple[Bounds | None, ...]:
    import numpy as np

    found: list[Bounds | None] = []
    for count in counts:
        end = start + count
        steps, times = columns.steps[start:end], columns.times[start:end]
        in_time = bool((np.diff(times) >= 0).all())
        edges = (int(steps[0]), int(steps[-1]), int(times[0]), int(times[-1]))
        found.append(Bounds(*edges) if in_time else None)
        start = end
    return tuple(found)


def _unpacked(
    segment: Segment,
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]":
    import numpy as np

    count = segment.count
    raw = _bytes_of(segment)
    steps, times = (
        np.cumsum(np.frombuffer(raw, np.int64, count, offset=8 * count * column))
        for column in (0, 1)
    )
    return steps, times, np.frombuffer(raw, np.float64, count, offset=16 * count)


def _bytes_of(segment: Segment) -> bytes:
    if not segment.body.startswith(_COMPRESSED):
        return segment.body
    import pyarrow as pa

    size = segment.count * _POINT_BYTES
    raw: bytes = pa.decompress(segment.body, decompressed_size=size, codec=_CODEC, asbytes=True)
    return raw
