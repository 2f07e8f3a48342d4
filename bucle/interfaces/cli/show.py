"""Show an answer: one JSON document for programs; lines and tables for people."""

import re
import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from bucle.base.codec import encode, to_builtins
from bucle.base.page import Page
from bucle.interfaces.cli.talk import say
from bucle.interfaces.cli.words import label, word

_CELL_LETTERS = 60
_DIGEST_LETTERS = 40  # a commit's; content digests have 64, signatures 128
_SHORT_DIGEST = 12
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_GAP = 2  # between two columns
_OPAQUE_RANK = 2
_OPAQUE = re.compile(r"[0-9a-f]{12}|[0-9A-HJKMNP-TV-Z]{26}")
_HEXADECIMAL = frozenset("0123456789abcdef")


def show(answer: object, *, as_json: bool, language: str = "en") -> None:
    """Write an answer to stdout."""
    if as_json:
        click.echo(msgspec.json.format(encode(answer), indent=2))
        return
    plain = to_builtins(answer.items if isinstance(answer, Page) else answer)
    if isinstance(plain, dict):
        _show_record(plain, language)
    elif isinstance(plain, list | tuple):
        _show_list(list(plain), language)
    elif plain is not None:
        click.echo(plain)
    if isinstance(answer, Page) and answer.next_token:
        say(f"{word('more', language)}: --token {answer.next_token}")


def print_table(
    columns: Iterable[str], rows: Iterable[Iterable[str]], *, language: str = "en"
) -> None:
    """Write a table as wide as the terminal, or as wide as it is where none looks on.

    What a terminal has no room for is left out by whole columns, and named on stderr: a table
    whose every cell is broken over five lines can not be read.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads, lines = list(columns), [list(row) for row in rows]
    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False)
    kept = _that_fit(heads, lines, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place in kept:
        table.add_column(heads[place], overflow="fold")
    for line in lines:
        table.add_row(*(Text(line[place]) for place in kept))
    console.print(table)
    if len(kept) < len(heads):
        left_out = [head for place, head in enumerate(heads) if place not in kept]
        say(f"{word('columns do not fit', language)} (--json): {', '.join(left_out)}")


def cell(value: Any) -> str:  # noqa: ANN401 - any plain value
    """Write a value for a table's cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = _plain_text(value)
    if _MOMENT.fullmatch(text):
        return f"{text[:10]} {text[11:19]}"
    if len(text) >= _DIGEST_LETTERS and _HEXADECIMAL.issuperset(text):
        return text[:_SHORT_DIGEST]
    return text if len(text) <= _CELL_LETTERS else text[: _CELL_LETTERS - 1] + "…"


def _plain_text(value: Any) -> str:  # noqa: ANN401 - any plain value
    """Return a value as text; lists and mappings of scalars without JSON's marks."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, dict) and not any(isinstance(v, dict | list) for v in value.values()):
        return ", ".join(f"{name}={cell(one)}" for name, one in value.items())
    return msgspec.json.encode(value).decode()


def _that_fit(heads: list[str], lines: list[list[str]], width: int) -> list[int]:
    """Return the places of the columns that a terminal of this width has room for, whole.

    What says the same in every row gives way before what does not, and digests and ids, which
    nobody compares by eye, before both.
    """
    columns = [[line[place] for line in lines] for place in range(len(heads))]
    wide = [
        max(map(len, [head, *column]), default=0) + _GAP
        for head, column in zip(heads, columns, strict=True)
    ]
    room = width + _GAP
    if sum(wide) <= room:
        return list(range(len(heads)))
    ranks = [_rank(column) for column in columns]
    kept: list[int] = []
    for place in sorted(range(len(heads)), key=lambda place: (ranks[place], place)):
        useless = ranks[place] == _OPAQUE_RANK and kept
        if not kept or (wide[place] <= room and not useless):
            kept.append(place)
            room -= wide[place]
    return sorted(kept)


def _rank(column: list[str]) -> int:
    """Return 0 for a column that tells rows apart, 1 for one that does not, 2 for digests."""
    filled = {text for text in column if text}
    if all(_OPAQUE.fullmatch(text) for text in filled):
        return _OPAQUE_RANK
    return int(len(column) > 1 and len(set(column)) == 1)


def _show_list(items: list[Any], language: str) -> None:
    if not items:
        say(word("nothing", language))
    elif not all(isinstance(item, dict) for item in items):
        for item in items:
            click.echo(cell(item))
    else:
        columns = [name for name in items[0] if _is_worth_a_column(name, items)]
        print_table(
            (label(name, language) for name in columns),
            ([cell(item.get(name)) for name in columns] for item in items),
            language=language,
        )


def _show_record(record: dict[str, Any], language: str) -> None:
    """Write the scalars as lines, then each list of records as a table of its own."""
    flat = dict(_flat(record))
    tables = {name: value for name, value in flat.items() if _is_table(value)}
    lines = {name: value for name, value in flat.items() if name not in tables}
    names = {name: label(name, language) for name in lines}
    width = max((len(name) for name in names.values()), default=0)
    for name, value in lines.items():
        if value not in (None, "", [], (), {}):
            shown = value if isinstance(value, str) else cell(value)
            click.echo(f"{names[name]:<{width}}  {shown}")
    for name, value in tables.items():
        click.echo(f"\n{label(name, language)}")
        _show_list(value, language)


def _flat(record: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _is_table(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(one, dict) for one in value)
    )


def _is_worth_a_column(name: str, items: list[dict[str, Any]]) -> bool:
    """Leave out what is empty in every row, and what no cell can hold."""
    values = [item.get(name) for item in items]
    filled = [value for value in values if value not in (None, "", [], (), {})]
    return bool(filled) and not any(
        isinstance(value, list | tuple | dict) and len(cell(value)) >= _CELL_LETTERS
        for value in filled
    )
