"""Add up Prometheus texts (format 0.0.4) of several processes into one."""

import re
from collections.abc import Iterable, Sequence

# A gauge that says the same thing in each process; the others are amounts and are added.
_LARGEST = re.compile(r"_(seconds|revision|problems|info|ready|limit|ratio|share)$")
_PARTS = re.compile(r"_(bucket|sum|count)$")


class _Family:
    """The lines of one name."""

    def __init__(self) -> None:
        self.heading: list[str] = []
        self.kind = ""
        self.values: dict[str, float] = {}

    def add(self, series: str, value: float, name: str) -> None:
        """Add a process's value."""
        known = self.values.get(series)
        if known is None:
            self.values[series] = value
        elif self.kind == "gauge" and _LARGEST.search(name):
            self.values[series] = max(known, value)
        else:
            self.values[series] = known + value


def add_up(texts: Sequence[tuple[bytes, bool]]) -> bytes:
    """Return one text of several, each with whether its process lives.

    What is counted of the dead stays; their gauges are gone.  Series keep the order in which
    they were met, and a name's lines stay together, as the format asks.
    """
    families: dict[str, _Family] = {}
    for text, alive in texts:
        for line in text.decode().splitlines():
            _take(families, line, alive=alive)
    return "".join(f"{line}\n" for line in _lines(families.values())).encode()


def _take(families: dict[str, _Family], line: str, *, alive: bool) -> None:
    if not line:
        return
    if line.startswith("# "):
        _, what, name, told = (*line.split(" ", 3), "", "")[:4]
        family = families.setdefault(name, _Family())
        if what == "TYPE":
            family.kind = told
        if len(family.heading) < 2 and line not in family.heading:  # noqa: PLR2004 - HELP, TYPE
            family.heading.append(line)
        return
    series, _, value = line.rpartition(" ")
    name = series.partition("{")[0]
    family = families.get(name) or families.get(_PARTS.sub("", name)) or _Family()
    if family.kind == "gauge" and not alive:
        return
    families.setdefault(name, family) if not family.heading else None
    family.add(series, float(value), name)


def _lines(families: Iterable[_Family]) -> Iterable[str]:
    for family in families:
        yield from family.heading
        for series, value in family.values.items():
            yield f"{series} {_told(value)}"


def _told(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1 << 53 else f"{value:.9g}"
