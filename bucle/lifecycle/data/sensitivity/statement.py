"""Tell from which columns of which tables each column of a SQL statement is made.

The engine's own parser reads the statement; nothing is run.  What is not understood is not
guessed: the answer is then that nobody knows (None), and the caller takes the worst.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from bucle.base.errors import BucleError
from bucle.drivers.engine import Engine

# column of the answer -> (table, column) that its values are made of
Made: TypeAlias = dict[str, frozenset[tuple[str, str]]]
_Tables: TypeAlias = Mapping[str, Made]


class _UnknownError(Exception):
    """The statement says something that is not understood here."""


def columns_of(engine: Engine, sql: str, tables: Mapping[str, tuple[str, ...]]) -> Made | None:
    """Return of which columns each column of a statement is made; None: nobody knows.

    Args:
        engine: whose dialect the statement is in.
        sql: one `SELECT`.
        tables: the columns of each table that it may read.
    """
    text = "'" + sql.replace("'", "''") + "'"
    try:
        answer = engine.query(f"SELECT json_serialize_sql({text}) AS said", tables={})
    except BucleError:
        return None
    said = msgspec.json.decode(answer.column("said")[0].as_py())
    statements = said.get("statements", ())
    if said.get("error") or len(statements) != 1:
        return None
    known = {
        name: {column: frozenset({(name, column)}) for column in columns}
        for name, columns in tables.items()
    }
    try:
        return _node(statements[0]["node"], known)
    except (_UnknownError, KeyError, TypeError):
        return None


def _node(node: dict[str, Any], tables: _Tables) -> Made:
    there = dict(tables)
    for each in node.get("cte_map", {}).get("map", ()):
        there[each["key"]] = _node(_inner(each["value"]), there)
    match node["type"]:
        case "SELECT_NODE":
            return _select(node, there)
        case "SET_OPERATION_NODE":
            return _stacked([_node(child, there) for child in node["children"]])
    raise _UnknownError(node["type"])


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("aliases"):
        raise _UnknownError("a WITH whose columns are named")
    found: dict[str, Any] = value.get("query_node") or value["query"]["node"]
    return found


def _stacked(parts: list[Made]) -> Made:
    """Join by place, as UNION does; the first part names the columns."""
    first = parts[0]
    if any(len(part) != len(first) for part in parts):
        raise _UnknownError("parts of different width")
    columns = zip(*(part.values() for part in parts), strict=True)
    return {name: frozenset().union(*sources) for name, sources in zip(first, columns, strict=True)}


def _select(node: dict[str, Any], tables: _Tables) -> Made:
    given = _from(node["from_table"], tables)
    made: Made = {}
    for item in node["select_list"]:
        if item["class"] == "STAR":
            made |= _star(item, given)
            continue
        name = item.get("alias") or (item.get("column_names") or [""])[-1]
        if not name or name in made:
            raise _UnknownError("a column without a name of its own")
        made[name] = frozenset().union(*_used(item, given, tables))
    return made


def _star(item: dict[str, Any], given: _Tables) -> Made:
    plain = not (item.get("columns") or item.get("replace_list") or item.get("rename_list"))
    if not plain or item.get("relation_name") or item.get("expr"):
        raise _UnknownError("a star of another kind")
    out = {name if isinstance(name, str) else name["column"] for name in _excluded(item)}
    made: Made = {}
    for table in given.values():
        for name, sources in table.items():
            if name not in out:
                made[name] = made.get(name, frozenset()) | sources
    return made


def _excluded(item: dict[str, Any]) -> list[Any]:
    found: list[Any] = [*item.get("exclude_list", ()), *item.get("qualified_exclude_list", ())]
    return found


def _from(table: dict[str, Any], tables: _Tables) -> dict[str, Made]:
    """Return the tables that a FROM brings in, by the names that columns may be qualified with."""
    if table.get("column_name_alias"):
        raise _UnknownError("a table whose columns are renamed")
    match table["type"]:
        case "EMPTY":
            return {}
        case "BASE_TABLE":
            name = table["table_name"]
            if name not in tables:
                raise _UnknownError(name)
            return {table.get("alias") or name: tables[name]}
        case "SUBQUERY":
            alias = table.get("alias") or f"?{id(table)}"
            return {alias: _node(table["subquery"]["node"], tables)}
        case "JOIN":
            return _from(table["left"], tables) | _from(table["right"], tables)
    raise _UnknownError(table["type"])


def _used(
    item: Any,  # noqa: ANN401 - a node of the parser's JSON
    given: _Tables,
    tables: _Tables,
) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield what each column that is named anywhere in an expression is made of."""
    if isinstance(item, list):
        for each in item:
            yield from _used(each, given, tables)
        return
    if not isinstance(item, dict):
        return
    kind = item.get("class")
    if kind in {"SUBQUERY", "STAR", "LAMBDA"}:
        raise _UnknownError(kind)
    if kind == "COLUMN_REF":
        yield _looked_up(item["column_names"], given)
        return
    for each in item.values():
        yield from _used(each, given, tables)


def _looked_up(names: list[str], given: _Tables) -> frozenset[tuple[str, str]]:
    *qualifier, column = names
    wanted = [given[qualifier[-1]]] if qualifier and qualifier[-1] in given else [*given.values()]
    if qualifier and qualifier[-1] not in given:
        column = qualifier[0]  # a field of a nested column
    found = [table[_spelled(table, column)] for table in wanted if _spelled(table, column)]
    if not found:
        raise _UnknownError(column)
    return frozenset().union(*found)


def _spelled(table: Made, column: str) -> str:
    """Return a column as the table spells it: SQL does not tell A from a."""
    return next((name for name in table if name.lower() == column.lower()), "")
