"""The drawings of an explored version, as SVG; like `charts.py`, they work without scripts."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from bucle.interfaces.web.charts import histogram
from bucle.interfaces.web.formats import number
from bucle.lifecycle import data

_FEW_VALUES = 24  # so few are bins of their own (data/profile.py)
_HEIGHT = 24.0
_TOP = 6.0  # how much higher than the middle bar a bar may be before it is cut
_HEAP, _HEAPED = 2.5, 0.05  # a heap's width, and the share of values from which an end is one
_MOST_CELLS = 22
_CELL = 24
_ROW = 22
_LETTER = 6.6
_MOST_ROWS = 12


class Row(NamedTuple):
    """A bar with its words: a class, a column that knows the target."""

    label: str
    value: float  # 0..1 of the bar's whole length
    said: str
    tone: str = "a"


def distribution(column: data.ColumnProfile) -> Markup:
    """Draw a column: the density between its quantiles, or a bar for each of few values."""
    if not column.edges:
        counts = [count for _, count in column.top] + ([column.other] if column.other else [])
        labels = [str(value) for value, _ in column.top] + (["…"] if column.other else [])
        return histogram(counts, labels, label=column.name)
    if column.distinct <= _FEW_VALUES or len(column.edges) < 3:  # noqa: PLR2004 - no stretch inside
        labels = [number(edge) for edge in column.edges]
        return histogram(column.counts[:-1], labels, label=column.name)
    return _density(column)


def _density(column: data.ColumnProfile) -> Markup:
    """Draw bars whose areas are counts, from the first percentile to the last.

    A heap at either end (many zeros, a cap) has no width: it is a bar of another tone.
    """
    low, high = column.edges[0], column.edges[-1]
    stretches = [
        (first, last, count)
        for (first, last), count in zip(pairwise(column.edges), column.counts[1:], strict=False)
    ]
    heights = [count / (last - first) for first, last, count in stretches]
    middle = sorted(heights)[len(heights) // 2]
    most = min(max(heights), _TOP * middle) if middle else max(heights)
    if not most:
        return Markup("")
    left, right = (_HEAP if tail > _HEAPED * column.count else 0.0 for tail in _tails(column))
    scale = (100 - left - right) / (high - low)
    parts = []
    for (first, last, count), dense in zip(stretches, heights, strict=True):
        x, width = left + scale * (first - low), scale * (last - first)
        tall = _HEIGHT * min(dense / most, 1.0)
        parts.append(_bar(x, width, tall, f"{number(first)} – {number(last)}: {number(count)}"))
    below, above = _tails(column)
    if left:
        parts.append(_bar(0, left, _HEIGHT, f"≤ {number(low)}: {number(below)}", "b"))
    if right:
        parts.append(_bar(100 - right, right, _HEIGHT, f"> {number(high)}: {number(above)}", "b"))
    return _small("histogram", column.name, parts)


def _tails(column: data.ColumnProfile) -> tuple[int, int]:
    return column.counts[0], column.counts[-1]


def _bar(x: float, width: float, tall: float, said: str, tone: str = "a") -> str:
    return (
        f'<rect class="bar tone-{tone}" x="{x:.2f}" y="{_HEIGHT - tall:.2f}" '
        f'width="{max(width - 0.15, 0.15):.2f}" height="{tall:.2f}">'
        f"<title>{escape(said)}</title></rect>"
    )


def bars(rows: Sequence[Row], *, label: str, marks: Sequence[float] = ()) -> Markup:
    """Draw rows of words and bars; `marks` are lines across them, at shares of the length."""
    rows = rows[:_MOST_ROWS]
    if not rows:
        return Markup("")
    left = min(max(len(row.label) for row in rows) * _LETTER + 12, 190.0)
    width, right = 560.0, max(len(row.said) for row in rows) * _LETTER + 14
    room, tall = width - left - right, len(rows) * _ROW + 4
    parts = [
        f'<line class="limit" x1="{left + room * mark:.1f}" x2="{left + room * mark:.1f}" '
        f'y1="0" y2="{tall}"/>'
        for mark in marks
    ]
    for place, row in enumerate(rows):
        y = place * _ROW + 2
        long = max(room * min(max(row.value, 0.0), 1.0), 1.0)
        parts.append(
            f'<text class="tick" x="{left - 8:.1f}" y="{y + 14}" text-anchor="end">'
            f"{escape(_short(row.label, 27))}<title>{escape(row.label)}</title></text>"
            f'<rect class="bar tone-{row.tone}" x="{left:.1f}" y="{y + 3}" width="{long:.1f}" '
            f'height="{_ROW - 7}" rx="2"><title>{escape(row.label)}: {escape(row.said)}</title>'
            f'</rect><text class="tick" x="{left + long + 6:.1f}" y="{y + 14}">'
            f"{escape(row.said)}</text>"
        )
    return _large("chart natural", label, (width, tall), parts)


def both(before: Sequence[int], after: Sequence[int], *, label: str) -> Markup:
    """Draw two windows' shares side by side, in the same bins."""
    first, second = sum(before) or 1, sum(after) or 1
    shares = [(a / first, b / second) for a, b in zip(before, after, strict=True)]
    most = max((max(pair) for pair in shares), default=0.0)
    if not most:
        return Markup("")
    width = 100 / len(shares)
    parts = []
    for place, pair in enumerate(shares):
        for side, share in enumerate(pair):
            tall = _HEIGHT * share / most
            parts.append(
                f'<rect class="bar tone-{"ab"[side]}" x="{(place + side * 0.45) * width:.2f}" '
                f'y="{_HEIGHT - tall:.2f}" width="{max(width * 0.42, 0.3):.2f}" '
                f'height="{tall:.2f}"><title>{pair[0]:.1%} → {pair[1]:.1%}</title></rect>'
            )
    return _small("histogram", label, parts)


def matrix(pairs: Sequence[data.Pair], *, label: str, measures: Mapping[str, str]) -> Markup:
    """Draw how every two columns go together; the columns of the strongest pairs come first."""
    names: list[str] = []
    for pair in pairs:
        names += [name for name in (pair.left, pair.right) if name not in names]
    names = sorted(names[:_MOST_CELLS])
    place = {name: number_ for number_, name in enumerate(names)}
    if len(names) < 2:  # noqa: PLR2004 - a pair
        return Markup("")
    left = min(max(len(name) for name in names) * _LETTER + 12, 170.0)
    above = left * 0.8
    parts = []
    for name, number_ in place.items():
        said, x, y = escape(_short(name, 24)), left + number_ * _CELL, above + number_ * _CELL
        parts.append(
            f'<text class="tick" x="{left - 8:.1f}" y="{y + 16:.1f}" text-anchor="end">{said}'
            f"<title>{escape(name)}</title></text>"
            f'<text class="tick" x="{x + 9:.1f}" y="{above - 6:.1f}" '
            f'transform="rotate(-50 {x + 9:.1f} {above - 6:.1f})">{said}</text>'
            f'<rect class="same" x="{x:.1f}" y="{y:.1f}" width="{_CELL - 2}" '
            f'height="{_CELL - 2}" rx="3"/>'
        )
    for pair in pairs:
        if pair.left not in place or pair.right not in place:
            continue
        said = escape(
            f"{pair.left}, {pair.right}: {pair.value:.2f} ({measures[pair.measure]}, "
            f"{number(pair.rows)})"
        )
        sign = "below" if pair.value < 0 else "above"
        for one, other in ((pair.left, pair.right), (pair.right, pair.left)):
            parts.append(
                f'<rect class="{sign}" x="{left + place[one] * _CELL:.1f}" '
                f'y="{above + place[other] * _CELL:.1f}" width="{_CELL - 2}" '
                f'height="{_CELL - 2}" rx="3" fill-opacity="{abs(pair.value):.2f}">'
                f"<title>{said}</title></rect>"
            )
    whole = len(names) * _CELL
    return _large(
        "chart natural matrix", label, (left + whole + above * 0.75, above + whole), parts
    )


def strength(value: float) -> str:
    """Return the tone of a figure between 0 and 1 that is bad when it is large."""
    return "bad" if value >= 0.98 else "b" if value >= 0.9 else "a"  # noqa: PLR2004 - as findings


def log_share(value: float, most: float) -> float:
    """Return how long a bar of a count is beside the largest, rare ones still to be seen."""
    return math.log1p(value) / math.log1p(most) if most else 0.0


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _small(kind: str, label: str, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in it is escaped where it is written
        f'<svg class="{kind}" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _large(kind: str, label: str, size_: tuple[float, float], parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - as above
        f'<svg class="{kind}" viewBox="0 0 {size_[0]:.0f} {size_[1]:.0f}" '
        f'width="{size_[0]:.0f}" height="{size_[1]:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
