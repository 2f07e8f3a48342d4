"""Durations and sizes as people write them: `90s`, `7 days`, `1.5 GB`."""

import re
from datetime import timedelta

from bucle.base.errors import Invalid

_SHAPE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LONG = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `90s`, `15 min`, `7d` or `2 weeks`.

    Raises:
        Invalid: no number, or an unknown unit.
    """
    found = _SHAPE.fullmatch(text)
    unit = found.group(2).lower() if found else ""
    unit = _LONG.get(unit.removesuffix("s"), unit)
    if not found or unit not in _SECONDS:
        raise Invalid(f"{text!r} is not a duration", hint="write 90s, 15m, 6h, 7d or 2w")
    return timedelta(seconds=float(found.group(1)) * _SECONDS[unit])


def parse_bytes(text: str) -> int:
    """Read a size such as `512 MB` (decimal) or `2 GiB` (binary), in bytes.

    Raises:
        Invalid: no number, or an unknown unit.
    """
    found = _SHAPE.fullmatch(text)
    if not found or found.group(2).lower() not in _BYTES:
        raise Invalid(f"{text!r} is not a size", hint="write for example 512 MB or 2 GiB")
    return int(float(found.group(1)) * _BYTES[found.group(2).lower()])


def format_bytes(count: float) -> str:
    """Write a size for a person: `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:  # noqa: PLR2004 - decimal units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def format_duration(seconds: float) -> str:
    """Write a duration for a person: `1.2 s`, `3 min 5 s`, `2 h 4 min`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
