"""Find the datasets in a statement, and refuse what is more than a question.  Pure.

`trips@3` is no SQL: such names are put in quotes first, and everything else is left to DuckDB's
own parser, whose tree says which names are tables (and which are common table expressions), and
which functions are called.  The engine is locked in besides; what is refused here would get
nothing there, or would tell of the machine.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref

# Text is skipped as text; a name may be followed by its version.
_TOKEN = re.compile(
    r"""
      --[^\n]* | /\*.*?(?:\*/|\Z)
    | [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*'
    | (?P<tag>\$\w*\$).*?(?P=tag)
    | (?P<name>"(?:[^"]|"")+" | [^\W\d]\w*) @ (?P<version>"(?:[^"]|"")+" | \w+(?:[.:+-]\w+)*)
    | "(?:[^"]|"")*"
    | [^\W\d]\w*
    | .
    """,
    re.DOTALL | re.VERBOSE,
)
_TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
)
_TELLING = frozenset(
    {
        "current_setting", "getenv", "getvariable", "in_search_path", "nextval", "currval",
        "read_blob", "read_text", "txid_current", "write_log",
    }
)  # fmt: skip
_NOWHERE = 2**64 - 1


class Edit(NamedTuple):
    """A place of a text that was written otherwise, in characters."""

    start: int  # in the old text
    end: int
    text: str


class Statement(NamedTuple):
    """A statement that an engine can run, and the datasets that are its tables."""

    sql: str
    tables: dict[str, Ref]  # by the names that they have in `sql`
    edits: tuple[Edit, ...]  # from what was asked to `sql`

    def place(self, position: int) -> int:
        """Return where a character of `sql` is in what was asked."""
        moved = 0
        for edit in self.edits:
            start = edit.start + moved
            if position < start:
                break
            if position < start + len(edit.text):
                return edit.start
            moved += len(edit.text) - (edit.end - edit.start)
        return position - moved


def quoted_versions(sql: str) -> Statement:
    """Put every name with a version in quotes: `trips@3` is `"trips@3"`."""
    edits, tables = [], {}
    for found in _TOKEN.finditer(sql):
        if found["version"]:
            name, version = _bare(found["name"]), _bare(found["version"])
            said = f"{name}@{version}"
            edits.append(Edit(found.start(), found.end(), _quoted(said)))
            tables[said] = Ref("dataset", name, version)
    return Statement(edited(sql, edits), tables, tuple(edits))


def edited(text: str, edits: list[Edit]) -> str:
    """Return a text with its edits."""
    parts, at = [], 0
    for edit in edits:
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def statement_of(first: Statement, tree: dict[str, Any]) -> Statement:
    """Return what can be run, of a text whose versions are quoted, and DuckDB's tree of it.

    A table with a version that has no alias gets its dataset's name for one.

    Raises:
        Invalid: a name has several parts, or a function reads more than its arguments.
    """
    found = list(_tables(tree, frozenset()))
    _require_only_questions(tree)
    places = _Places(first.sql)
    edits, tables = [], {}
    for node in found:
        path, start = node["qualified_name"]["path"], int(node["query_location"])
        if len(path) > 1:
            whole = ".".join(path)
            raise Invalid(
                f"{whole} names a table of a schema, and datasets have none",
                hint=f"a dataset whose name has a dot is written in quotes: {_quoted(whole)}",
            )
        said = path[0]
        tables[said] = first.tables.get(said) or Ref("dataset", said)
        if said in first.tables and not node["alias"] and start != _NOWHERE:
            end = places.of(start) + len(_quoted(said))
            edits.append(Edit(end, end, f" AS {_quoted(first.tables[said].name)}"))
    _require_apart(tables)
    edits = sorted(set(edits))
    both = tuple(_joined(first, edits))
    return Statement(edited(first.sql, edits), tables, both)


class _Places:
    """Which character a byte of UTF-8 belongs to: DuckDB counts bytes."""

    def __init__(self, text: str) -> None:
        self._ends: list[int] = []
        total = 0
        if not text.isascii():
            for letter in text:
                total += len(letter.encode())
                self._ends.append(total)

    def of(self, byte: int) -> int:
        return bisect_right(self._ends, byte) if self._ends else byte


def character(text: str, byte: int) -> int:
    """Return which character of a text a byte of its UTF-8 belongs to."""
    return _Places(text).of(byte)


def _joined(first: Statement, edits: list[Edit]) -> Iterator[Edit]:
    """Return two rounds of edits as one: aliases follow the names that were put in quotes."""
    aliases: dict[int, str] = {}
    for edit in edits:
        aliases[first.place(edit.start - 1)] = edit.text
    for edit in first.edits:
        yield edit._replace(text=edit.text + aliases.get(edit.start, ""))


def _tables(node: Any, known: frozenset[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a tree of JSON
    """Yield the tables of a tree that no `WITH` around them defines."""
    if isinstance(node, list):
        for each in node:
            yield from _tables(each, known)
        return
    if not isinstance(node, dict):
        return
    if node.get("type") == "RECURSIVE_CTE_NODE" and node.get("cte_name"):
        known |= {str(node["cte_name"]).lower()}
    for entry in (node.get("cte_map") or {}).get("map", ()):
        yield from _tables(entry["value"], known)
        known |= {str(entry["key"]).lower()}
    if node.get("type") == "BASE_TABLE":
        path = node["qualified_name"]["path"]
        if len(path) != 1 or path[0].lower() not in known:
            yield node
    for name, inner in node.items():
        if name != "cte_map":
            yield from _tables(inner, known)


def _require_only_questions(node: Any) -> None:  # noqa: ANN401 - as above
    if isinstance(node, list):
        for each in node:
            _require_only_questions(each)
        return
    if not isinstance(node, dict):
        return
    if node.get("type") == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise Invalid(
                f"{name}() may not be read from here: a question reads datasets only",
                hint="commit the file first: bucle data commit <name> <file>",
            )
    if node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in _TELLING:
        name = node["function_name"]
        raise Invalid(
            f"{name}() may not be called here: it tells of the machine and not of the rows",
            hint="SELECT ... FROM <dataset>",
        )
    for inner in node.values():
        _require_only_questions(inner)


def _require_apart(tables: dict[str, Ref]) -> None:
    """Refuse two names that SQL takes for one."""
    seen: dict[str, str] = {}
    for said in tables:
        other = seen.setdefault(said.lower(), said)
        if other != said:
            raise Invalid(
                f"{other!r} and {said!r} differ in capital letters only, which SQL does not see",
                hint="ask about one of them at a time",
            )


def places_of(first: Statement, tree: Any) -> dict[str, int]:  # noqa: ANN401 - as above
    """Return where each column, function and `table <name>` first stands in what was asked."""
    spots = _Places(first.sql)
    found: dict[str, int] = {}
    for name, byte in sorted(_named(tree), key=lambda pair: pair[1]):
        if byte != _NOWHERE:
            found.setdefault(name, first.place(spots.of(byte)))
    return found


def _named(node: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - as above
    if isinstance(node, list):
        for each in node:
            yield from _named(each)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield str(node["column_names"][-1]), int(node["query_location"])
        elif node.get("class") == "FUNCTION":
            yield str(node["function_name"]), int(node["query_location"])
        elif node.get("type") == "BASE_TABLE":
            yield f"table {node['qualified_name']['path'][0]}", int(node["query_location"])
        for inner in node.values():
            yield from _named(inner)


def parsed(answer: str) -> dict[str, Any]:
    """Read what DuckDB's `json_serialize_sql` answers."""
    tree: dict[str, Any] = msgspec.json.decode(answer)
    return tree


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
