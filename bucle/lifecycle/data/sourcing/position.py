"""Watermarks: kept as text with their type, set back by a lag, and the rows that may come again.

Rows that have the last watermark may get company later, so the next read begins with it and not
behind it.  What was taken is known by the digest of each row in that overlap, counted: neither a
row nor its equal twin is lost or doubled.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from bucle.base.errors import Invalid, Refused
from bucle.base.quantity import parse_duration

Row = Sequence[Any]
_DIGEST_BYTES = 16
MOST_TIES = 1_000_000  # rows in the overlap: 16 MB beside the position


def kept(value: object) -> tuple[str, str]:
    """Return a watermark as its type and its text.

    Raises:
        Invalid: it has no order that could be kept.
    """
    match value:
        case bool():
            pass
        case int():
            return "int", str(value)
        case float() if value == value:  # noqa: PLR0124 - a NaN is above all in some databases
            return "float", repr(value)
        case str():
            return "str", value
        case datetime():
            return "datetime", value.isoformat()
        case date():
            return "date", value.isoformat()
        case Decimal() if value.is_finite():
            return "decimal", str(value)
    raise Invalid(
        f"{value!r} can not be a watermark",
        hint="take a column of moments, days, numbers or texts that grows with each change",
    )


def restored(mark: tuple[str, str]) -> Any:  # noqa: ANN401 - a value as a driver takes it
    """Return the watermark that was kept."""
    kind, text = mark
    makers = {
        "int": int, "float": float, "str": str, "datetime": datetime.fromisoformat,
        "date": date.fromisoformat, "decimal": Decimal,
    }  # fmt: skip
    return makers[kind](text)  # type: ignore[operator]


def set_back(value: Any, lag: str) -> Any:  # noqa: ANN401 - any watermark
    """Return the watermark from which rows are read: the last one, less the lag.

    Raises:
        Invalid: a lag of time for numbers, of numbers for moments, or anything for texts.
    """
    if not lag:
        return value
    if isinstance(value, int | float | Decimal):
        try:
            return value - type(value)(lag)  # type: ignore[operator]
        except (ValueError, ArithmeticError) as error:
            raise Invalid(f"the watermark is a number, and the lag {lag!r} is none") from error
    if isinstance(value, datetime):
        return value - parse_duration(lag)
    if isinstance(value, date):
        return value - timedelta(days=-(-parse_duration(lag) // timedelta(days=1)))
    return _text_back(value, parse_duration(lag))


def _text_back(value: str, lag: timedelta) -> str:
    """Set back a moment that is kept as text, as SQLite has them, and write it as it was."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise Invalid(
            f"the watermark {value!r} is a text and no moment: a lag means nothing to it",
            hint="leave the lag out, or take another column",
        ) from error
    if len(value) == len("2026-01-01"):
        return (found - timedelta(days=-(-lag // timedelta(days=1)))).date().isoformat()
    # A moment without microseconds sorts before the same one with them.
    spec = "auto" if "." in value else "seconds"
    return (found - lag).isoformat(sep=value[10], timespec=spec)


class Overlap:
    """The rows of a read that begins with rows which were taken before.

    Args:
        place: of the watermark among the columns.
        since: the last watermark; None: nothing was taken yet.
        ties: the digests of the rows that were taken and may come again.
        lag: how far behind the watermark rows may come up late.
    """

    def __init__(self, place: int, since: Any, ties: bytes, lag: str) -> None:  # noqa: ANN401 - any watermark
        self._place = place
        self._since = since
        self._lag = lag
        self._waiting = Counter(_split(ties))
        self._recent: list[tuple[Any, bytes]] = []
        self.last: Any = since

    def new_of(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows of a batch that were not taken; batches come in the watermark's order."""
        if not rows:
            return []
        last = rows[-1][self._place]
        kept(last)
        if self._lag and self._since is not None and last < self._since:
            last = self._since  # its rows were deleted; to go back would take others twice
        self.last = last
        bound = set_back(last, self._lag)
        self._recent = [one for one in self._recent if self._may_come_again(one[0], bound)]
        new: list[Row] = []
        for row in rows:
            again = self._may_come_again(row[self._place], bound)
            if not again and not self._waiting:
                new.append(row)
                continue
            digest = digest_of(row)
            if again:
                self._recent.append((row[self._place], digest))
            if self._waiting.get(digest):
                self._take(digest)
            else:
                new.append(row)
        if len(self._recent) > MOST_TIES:
            raise Refused(
                f"more than {MOST_TIES} rows lie within the lag {self._lag or '0'!r} of the "
                "watermark, and each would have to be remembered",
                hint="shorten the lag, or take a finer watermark",
            )
        return new

    def _take(self, digest: bytes) -> None:
        self._waiting[digest] -= 1
        if not self._waiting[digest]:
            del self._waiting[digest]

    def _may_come_again(self, mark: Any, bound: Any) -> bool:  # noqa: ANN401 - any watermark
        # Without a lag only equals count: how texts are ordered is the database's affair.
        return bool(mark >= bound if self._lag else mark == bound)

    def ties(self) -> bytes:
        """Return the digests of what may come again, for the next read."""
        return b"".join(digest for _, digest in self._recent)


def digest_of(row: Row) -> bytes:
    """Return a row's digest: the same values give the same bytes, whatever wrote them."""
    digester = blake2b(digest_size=_DIGEST_BYTES)
    for value in row:
        text = _canonical(value)
        digester.update(f"{len(text)}:{text}".encode())
    return digester.digest()


def _canonical(value: object) -> str:
    match value:
        case None:
            return "-"
        case bytes() | bytearray() | memoryview():
            return f"b{bytes(value).hex()}"
        case datetime():
            return f"t{(value.astimezone(UTC) if value.tzinfo else value).isoformat()}"
        case list() | tuple():
            return f"l{[_canonical(one) for one in value]}"
    return f"{type(value).__name__[0]}{value}"


def _split(ties: bytes) -> Iterable[bytes]:
    return (ties[start : start + _DIGEST_BYTES] for start in range(0, len(ties), _DIGEST_BYTES))
