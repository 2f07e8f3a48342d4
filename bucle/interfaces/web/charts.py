"""Charts as SVG, drawn here and not in the browser: they work without scripts.

Colours come from the style sheet's classes, so that one drawing serves dark and light.  Every
value that a chart shows can be read from a `<title>` too.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from bucle.interfaces.web.formats import day, moment, number

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 16, 26
_TICKS = 4
_TIME_TICKS = 7
_LABEL_APART = 46  # marks nearer than this (in the drawing's units) share one line of text
_LEVELS = 5
_STEPS = (
    *(timedelta(minutes=count) for count in (1, 5, 15, 30)),
    *(timedelta(hours=count) for count in (1, 3, 6, 12)),
    *(timedelta(days=count) for count in (1, 2, 7, 14, 30, 61, 91, 182, 365)),
)


class Point(NamedTuple):
    """A value at a moment."""

    at: datetime
    value: float


class Series(NamedTuple):
    """One line of a chart; `tone` names its colour in the style sheet."""

    label: str
    points: tuple[Point, ...]
    tone: str = "a"


class Mark(NamedTuple):
    """Something that happened at a moment: a vertical line with a word."""

    at: datetime
    label: str
    title: str = ""  # "": the label


class Share(NamedTuple):
    """A part of a whole."""

    label: str
    share: float  # 0..1
    tone: str = "a"


class Frame(NamedTuple):
    """The drawing's size, its text for those who do not see it, and what it draws besides."""

    label: str
    width: int = 640
    height: int = 220
    limit: float | None = None  # None: no limit line
    marks: tuple[Mark, ...] = ()


def line_chart(series: Sequence[Series], frame: Frame) -> Markup:
    """Draw values over time; nothing for no points."""
    points = [point for one in series for point in one.points if math.isfinite(point.value)]
    if not points:
        return Markup("")
    plane = _Plane.around(points, frame)
    parts = [*_axes(plane, frame), *_marks(plane, frame)]
    if frame.limit is not None:
        parts.append(_limit(plane, frame.limit))
    for one in series:
        parts.extend(_line(plane, one))
    return _svg("chart", frame, parts)


def bar_chart(points: Sequence[Point], frame: Frame, *, tone: str = "a") -> Markup:
    """Draw counts over time; `points` lie at the starts of stretches of one length."""
    if not points:
        return Markup("")
    step = min((b.at - a.at for a, b in pairwise(points)), default=None)
    step = step or timedelta(hours=1)
    plane = _Plane.around([*points, Point(points[-1].at + step, 0.0), Point(points[0].at, 0.0)],
                          frame)  # fmt: skip
    parts = [*_axes(plane, frame), *_marks(plane, frame)]
    width = max(plane.x(points[0].at + step) - plane.x(points[0].at) - 1.5, 1.0)
    floor = plane.y(0.0)
    for at, value in points:
        top = plane.y(value)
        title = escape(f"{moment(at)}: {number(value)}")
        parts.append(
            f'<rect class="bar tone-{tone}" x="{plane.x(at):.1f}" y="{top:.1f}" '
            f'width="{width:.1f}" height="{max(floor - top, 0):.1f}" rx="1.5">'
            f"<title>{title}</title></rect>"
        )
    return _svg("chart", frame, parts)


def split_bar(shares: Sequence[Share], *, label: str) -> Markup:
    """Draw parts of a whole as one bar."""
    total = sum(max(one.share, 0.0) for one in shares)
    if not total:
        return Markup("")
    parts, left = [], 0.0
    for one in shares:
        width = 100 * max(one.share, 0.0) / total
        title = escape(f"{one.label}: {one.share:.0%}")
        parts.append(
            f'<rect class="bar tone-{one.tone}" x="{left:.2f}" y="0" width="{width:.2f}" '
            f'height="10"><title>{title}</title></rect>'
        )
        left += width
    return Markup(  # noqa: S704 - every text in it is escaped above
        f'<svg class="split" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def histogram(counts: Sequence[int], labels: Sequence[str], *, label: str) -> Markup:
    """Draw a column's distribution as small bars, each with its own words."""
    most = max(counts, default=0)
    if not most:
        return Markup("")
    width = 100 / len(counts)
    parts = []
    for place, (count, said) in enumerate(zip(counts, labels, strict=True)):
        height = 24 * count / most
        title = escape(f"{said}: {number(count)}")
        parts.append(
            f'<rect class="bar tone-a" x="{place * width:.2f}" y="{24 - height:.2f}" '
            f'width="{max(width - 0.6, 0.4):.2f}" height="{height:.2f}">'
            f"<title>{title}</title></rect>"
        )
    return Markup(  # noqa: S704 - as above
        f'<svg class="histogram" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


class Heat(NamedTuple):
    """One row of a heat map: a value per moment, None where there is none."""

    label: str
    values: tuple[float | None, ...]


def heat_map(rows: Sequence[Heat], moments: Sequence[datetime], frame: Frame) -> Markup:
    """Draw how far each row was from its limit at each moment; `frame.limit` is the worst level."""
    if not rows or not moments:
        return Markup("")
    limit = frame.limit or max(
        (value for row in rows for value in row.values if value is not None), default=1.0
    )
    left, row_height = 132, 20
    width = (frame.width - left - 4) / len(moments)
    parts = []
    for line, row in enumerate(rows):
        y = line * row_height
        text = escape(row.label if len(row.label) < 20 else row.label[:18] + "…")  # noqa: PLR2004 - what fits
        parts.append(f'<text class="tick" x="{left - 8}" y="{y + 13.5}" text-anchor="end">{text}'
                     f"<title>{escape(row.label)}</title></text>")  # fmt: skip
        for place, (at, value) in enumerate(zip(moments, row.values, strict=True)):
            parts.append(_cell(left + place * width, y, width, (row.label, at, value, limit)))
    floor = len(rows) * row_height + 14
    for place in _spread(len(moments)):
        x = left + (place + 0.5) * width
        parts.append(f'<text class="tick" x="{x:.1f}" y="{floor}" text-anchor="middle">'
                     f"{day(moments[place])}</text>")  # fmt: skip
    return _svg("chart heat", frame._replace(height=floor + 6), parts)


def _cell(
    x: float, y: float, width: float, shown: tuple[str, datetime, float | None, float]
) -> str:
    label, at, value, limit = shown
    if value is None:
        return ""
    level = min(int(value / limit * (_LEVELS - 1)), _LEVELS) if limit else 0
    title = escape(f"{label}, {moment(at)}: {number(value)}")
    return (
        f'<rect class="cell level-{max(level, 0)}" x="{x:.1f}" y="{y + 1}" '
        f'width="{max(width - 1, 1):.1f}" height="18" rx="2"><title>{title}</title></rect>'
    )


def _spread(count: int, wanted: int = 5) -> tuple[int, ...]:
    """Return at most so many places, evenly spread, the first and the last but one included."""
    step = max(math.ceil(count / wanted), 1)
    return tuple(range(step // 2, count, step))


class _Plane(NamedTuple):
    """Where a moment and a value lie on the drawing."""

    frame: Frame
    since: datetime
    until: datetime
    low: float
    high: float

    @classmethod
    def around(cls, points: Sequence[Point], frame: Frame) -> "_Plane":
        since, until = min(point.at for point in points), max(point.at for point in points)
        if since == until:
            since, until = since - timedelta(hours=12), until + timedelta(hours=12)
        values = [point.value for point in points if math.isfinite(point.value)]
        values += [0.0] if frame.limit is None else [0.0, frame.limit]
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or 1.0
        return cls(frame, since, until, low - (room if low < 0 else 0), high + room)

    def x(self, at: datetime) -> float:
        share = (at - self.since) / (self.until - self.since)
        return _LEFT + share * (self.frame.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.frame.height - _BOTTOM - share * (self.frame.height - _TOP - _BOTTOM)


def value_ticks(low: float, high: float, wanted: int = _TICKS) -> tuple[float, ...]:
    """Return round values between two, about as many as wanted."""
    rough = (high - low) / wanted
    if rough <= 0 or not math.isfinite(rough):
        return (low,)
    power = 10 ** math.floor(math.log10(rough))
    step = next(round_ for one in (1, 2, 2.5, 5, 10) if (round_ := one * power) >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(place * step, 12) for place in range(first, last + 1))


def time_ticks(since: datetime, until: datetime, wanted: int = _TIME_TICKS) -> tuple[datetime, ...]:
    """Return round moments between two, at most about as many as wanted."""
    rough = (until - since) / wanted
    step = next((one for one in _STEPS if one >= rough), _STEPS[-1])
    zero = datetime(1970, 1, 1, tzinfo=UTC)
    first = math.ceil((since - zero) / step)
    last = math.floor((until - zero) / step)
    return tuple(zero + step * place for place in range(first, last + 1))


def _axes(plane: _Plane, frame: Frame) -> list[str]:
    right = frame.width - _RIGHT
    parts = []
    for value in value_ticks(plane.low, plane.high):
        y = plane.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                     f"{escape(number(value))}</text>")  # fmt: skip
    within_days = plane.until - plane.since < timedelta(days=2)
    for at in time_ticks(plane.since, plane.until):
        said = f"{at:%H:%M}" if within_days else day(at)
        parts.append(f'<text class="tick" x="{plane.x(at):.1f}" y="{frame.height - 8}" '
                     f'text-anchor="middle">{said}</text>')  # fmt: skip
    return parts


def _marks(plane: _Plane, frame: Frame) -> list[str]:
    parts, last = [], -math.inf
    for mark in sorted(frame.marks):
        if not plane.since <= mark.at <= plane.until:
            continue
        x = plane.x(mark.at)
        title = escape(mark.title or mark.label)
        parts.append(f'<g class="mark"><line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 2}" '
                     f'y2="{frame.height - _BOTTOM}"/><title>{title}</title>')  # fmt: skip
        if x - last > _LABEL_APART:
            near_end = x > frame.width - _RIGHT - _LABEL_APART
            anchor, shift = ("end", -4) if near_end else ("start", 4)
            parts.append(f'<text x="{x + shift:.1f}" y="{_TOP + 7}" text-anchor="{anchor}">'
                         f"{escape(mark.label)}</text>")  # fmt: skip
            last = x
        parts.append("</g>")
    return parts


def _limit(plane: _Plane, limit: float) -> str:
    y = plane.y(limit)
    return (
        f'<line class="limit" x1="{_LEFT}" x2="{plane.frame.width - _RIGHT}" '
        f'y1="{y:.1f}" y2="{y:.1f}"><title>{escape(number(limit))}</title></line>'
    )


def _line(plane: _Plane, one: Series) -> list[str]:
    points = [point for point in one.points if math.isfinite(point.value)]
    if not points:
        return []
    path = " ".join(
        f"{'M' if place == 0 else 'L'}{plane.x(at):.1f},{plane.y(value):.1f}"
        for place, (at, value) in enumerate(points)
    )
    base = f"{plane.y(max(plane.low, 0.0)):.1f}"
    ends = f"L{plane.x(points[-1].at):.1f},{base} L{plane.x(points[0].at):.1f},{base} Z"
    parts = [f'<path class="area tone-{one.tone}" d="{path} {ends}"/>',
             f'<path class="line tone-{one.tone}" d="{path}"/>']  # fmt: skip
    for at, value in points:
        title = escape(f"{one.label}, {moment(at)}: {number(value)}")
        parts.append(f'<circle class="dot tone-{one.tone}" cx="{plane.x(at):.1f}" '
                     f'cy="{plane.y(value):.1f}" r="5">'
                     f"<title>{title}</title></circle>")  # fmt: skip
    return parts


def _svg(kind: str, frame: Frame, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in it is escaped where it is written
        f'<svg class="{kind}" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-label="{escape(frame.label)}">{"".join(parts)}</svg>'
    )
