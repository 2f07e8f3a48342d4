"""Figures and times as people read them."""

import math
from datetime import datetime, timedelta

from bucle.base.quantity import format_bytes

_THOUSAND = 1000.0
_STEPS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def number(value: float | None) -> str:
    """Write a figure with three or four digits that count: `12,400`, `0.0312`, `1.2M`."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "∞" if value == math.inf else "−∞" if value == -math.inf else "NaN"
    if abs(value) >= 10 * _THOUSAND**2:
        return f"{value / _THOUSAND**2:.1f}M"
    if value == int(value) and abs(value) < 10 * _THOUSAND**2:
        return f"{int(value):,}".replace("-", "−")
    digits = max(3 - math.floor(math.log10(abs(value))), 0) if abs(value) >= 1 else 3
    said = f"{value:,.{digits}f}" if abs(value) >= 0.01 else f"{value:.2g}"  # noqa: PLR2004 - as above
    return said.replace("-", "−")


def moment(at: datetime | None) -> str:
    """Write a moment to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


def day(at: datetime) -> str:
    """Write a day without its year."""
    return f"{at:%m-%d}"


def duration(span: timedelta | float | None) -> str:
    """Write a length of time in its two largest units: `2 h 5 min`, `340 ms`."""
    if span is None:
        return "–"
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 10:  # noqa: PLR2004 - one digit more for short ones
        return f"{seconds:.1f} s"
    rest = int(abs(seconds))
    said: list[str] = []
    for unit, length in _STEPS:
        count, rest = divmod(rest, int(length))
        if count or said:
            said.append(f"{count} {unit}" if count else "")
        if len(said) == 2:  # noqa: PLR2004 - two units say enough
            break
    return " ".join(part for part in said if part)


def ago(at: datetime | None, now: datetime) -> str:
    """Write how long ago, in one unit: `3 h`; a moment to come is `0 s`."""
    if at is None:
        return "–"
    seconds = max((now - at).total_seconds(), 0.0)
    unit, length = next(((unit, length) for unit, length in _STEPS if seconds >= length), ("s", 1))
    return f"{int(seconds // length)} {unit}"


def percent(share: float | None) -> str:
    """Write a share of one."""
    if share is None:
        return "–"
    digits = 0 if share in {0, 1} or share >= 0.1 else 1  # noqa: PLR2004 - small ones need a digit
    return f"{share:.{digits}%}"


def money(cost: float) -> str:
    """Write a cost; less than a cent is still not nothing."""
    return f"{cost:.2f}" if cost >= 1 or cost == 0 else f"{cost:.2g}" if cost >= 0.001 else "<0.001"  # noqa: PLR2004 - a tenth of a cent


def bytes_(count: float) -> str:
    """Write a size."""
    return format_bytes(count)


def short(text: str, length: int = 12) -> str:
    """Cut an id or a digest to what tells it apart."""
    return text if len(text) <= length else text[:length] + "…"
