"""Prepare a question: resolve its tables to versions that the caller may read."""

import difflib
import re
from collections.abc import Mapping

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref, check_name
from bucle.drivers.engine import TableSource
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import sensitivity
from bucle.lifecycle.data.ask.tables import (
    Statement,
    character,
    parsed,
    places_of,
    quoted_versions,
    statement_of,
)
from bucle.lifecycle.data.read import get_version, list_datasets, rows_of
from bucle.lifecycle.data.records import DatasetVersion

_SHOWN = re.compile(r"LINE (\d+): (.*)\n( *)\^")
_UNKNOWN = re.compile(r'column (?:named )?"([^"]+)"')
_NO_FUNCTION = re.compile(r"Function with name (\w+) does not exist")
_MOST_LISTED = 1_000


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that can be run, and the versions that it reads."""

    asked: str
    statement: Statement
    versions: Mapping[str, DatasetVersion]  # by the names that they have in the statement
    places: Mapping[str, int]  # where each column and function stands in what was asked

    @property
    def inputs(self) -> tuple[Ref, ...]:
        """The versions, each once."""
        return tuple(dict.fromkeys(version.ref for version in self.versions.values()))


def prepare(session: Session, sql: str) -> Prepared:
    """Parse a question and find the versions that it names.

    Raises:
        Invalid: it is no SQL, or more than one `SELECT`; the place is named.
        NotFound: no such dataset or version; near names are given.
        Denied: the caller may not read one of the datasets, or not all of its columns.
    """
    first = quoted_versions(sql)
    answer = session.drivers.engine.query(
        "SELECT json_serialize_sql(?) AS tree", tables={}, parameters=[first.sql]
    )
    tree = parsed(answer.column(0)[0].as_py())
    if tree["error"]:
        raise _no_sql(sql, first, tree)
    if len(tree["statements"]) != 1:
        raise Invalid(
            f"expected one SELECT, found {len(tree['statements'])}", hint="ask one thing at a time"
        )
    statement = statement_of(first, tree["statements"][0])
    places = places_of(first, tree["statements"][0])
    where = {
        said: f" ({said_place(sql, places[f'table {said}'])})" if f"table {said}" in places else ""
        for said in statement.tables
    }
    with session.begin(write=False) as scope:
        versions = {
            said: _version(scope, ref, where[said]) for said, ref in statement.tables.items()
        }
        for version in versions.values():  # an answer is of any shape: nothing could be masked
            ref = version.ref
            sensitivity.require_visible(
                ref, sensitivity.hidden_columns(scope, ref), scope.actor.name
            )
    return Prepared(asked=sql, statement=statement, versions=versions, places=places)


def sources(session: Session, prepared: Prepared) -> dict[str, TableSource]:
    """Return the rows of a question's tables, as an engine takes them."""
    return {
        said: rows_of(session.drivers, version.files) for said, version in prepared.versions.items()
    }


def explained(prepared: Prepared, error: Invalid) -> Invalid:
    """Say where in the question an engine's error is, and what is called nearly so."""
    what = error.message.partition("\n")[0]
    column, function = _UNKNOWN.search(what), _NO_FUNCTION.search(what)
    place = _place(prepared.statement, error.message)
    if place is None and (named := column or function):
        place = prepared.places.get(named[1])
    if place is not None:
        what += f" ({said_place(prepared.asked, place)})"
    if not column:
        return Invalid(what, hint=error.hint or "the functions are DuckDB's" * bool(function))
    names = [name for each in prepared.versions.values() for name in each.column_names]
    if near := difflib.get_close_matches(column[1], names, n=3, cutoff=0.5):
        return Invalid(what, hint=f"is it {' or '.join(near)}?")
    columns = "; ".join(
        f"{said} has {', '.join(version.column_names)}"
        for said, version in prepared.versions.items()
    )
    return Invalid(what, hint=columns)


def said_place(text: str, position: int) -> str:
    """Say which line and column a character of a text is in."""
    before = text[:position]
    return f"line {before.count(chr(10)) + 1}, column {position - before.rfind(chr(10))}"


def _place(statement: Statement, message: str) -> int | None:
    """Find what DuckDB shows (a line, cut at both ends if it is long) in what was asked."""
    found = _SHOWN.search(message)
    lines = statement.sql.split("\n")
    if found is None or int(found[1]) > len(lines):
        return None
    line, shown = int(found[1]), found[2]
    start = lines[line - 1].find(shown.removeprefix("...").removesuffix("..."))
    if start < 0:
        return None
    ahead = len(f"LINE {line}: ") + (3 if shown.startswith("...") else 0)
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return statement.place(before + start + max(len(found[3]) - ahead, 0))


def _no_sql(sql: str, first: Statement, tree: Mapping[str, object]) -> Invalid:
    message = str(tree.get("error_message", ""))
    if tree.get("error_type") == "not implemented":
        return Invalid(
            "only SELECT may be asked: nothing is written, attached, copied or set here",
            hint="SELECT ... FROM <dataset>@<version>; commit an answer with --commit",
        )
    position = str(tree.get("position", ""))
    if position.isdecimal():
        place = first.place(character(first.sql, int(position)))
        message += f" ({said_place(sql, place)})"
    return Invalid(message, hint="SELECT ... FROM <dataset>@<version>")


def _version(scope: Scope, ref: Ref, where: str) -> DatasetVersion:
    check_name(ref.name)
    try:
        return get_version(scope, ref)
    except NotFound as error:
        names = [each.ref.name for each in list_datasets(scope, limit=_MOST_LISTED).items]
        if ref.name in names:
            raise NotFound(error.message + where, hint=error.hint) from error
        near = difflib.get_close_matches(ref.name, names, n=3, cutoff=0.5)
        hint = f"is it {' or '.join(near)}?" if near else "bucle data list"
        raise NotFound(error.message + where, hint=hint) from error
