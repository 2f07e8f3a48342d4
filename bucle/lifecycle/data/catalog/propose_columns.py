"""Propose what columns mean and how sensitive they are; a person confirms or rejects it.

What was rejected is not proposed again, and of a column of which a person said how sensitive it
is, nothing is proposed that would say it again.
"""

from collections.abc import Sequence

import msgspec

from bucle.base.errors import NotFound
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.catalog import store
from bucle.lifecycle.data.catalog.describe import write_columns
from bucle.lifecycle.data.catalog.merged import said_of
from bucle.lifecycle.data.catalog.read import get_entry
from bucle.lifecycle.data.catalog.recognise import recognise
from bucle.lifecycle.data.catalog.records import ColumnProposal, Entry
from bucle.lifecycle.data.profile import kinds_of, schema_of
from bucle.lifecycle.data.read import get_version, quoted, rows_of
from bucle.lifecycle.data.records import ColumnNote, DatasetVersion, Sensitivity

_SAMPLE = 1000
LEVELS: tuple[Sensitivity, ...] = ("", "none", "personal", "sensitive", "secret")


def propose_columns(session: Session, ref: Ref | str) -> tuple[ColumnProposal, ...]:
    """Look at the names and at some values of a version's columns, and keep what they suggest.

    Raises:
        NotFound: there is no such version.
    """
    with session.begin(write=False) as scope:
        version = get_version(scope, ref)
        scope.require(Permission.DATASET_WRITE, version.ref)
    found = _found(session, version)
    with session.begin() as scope:
        return _keep(scope, version, found)


def list_proposals(scope: Scope, name: str, state: str = "proposed") -> tuple[ColumnProposal, ...]:
    """List what was proposed of a dataset's columns: what is open, or what was decided."""
    scope.require(Permission.DATASET_READ, Ref("dataset", check_name(name)))
    return store.list_proposals(scope.tx, scope.project, name, state)


def confirm_columns(
    scope: Scope, name: str, columns: Sequence[str] = (), *, kind: str = ""
) -> Entry:
    """Take over what was proposed of some columns, or of all; what a person wrote stays.

    Raises:
        NotFound: nothing was proposed of one of them.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_WRITE, ref)
    chosen = _chosen(scope, name, columns, kind)
    before = store.find_written(scope.tx, scope.project, name)
    notes: dict[str, ColumnNote] = {}
    # The surest proposal comes first: its meaning is taken.
    for one in sorted(chosen, key=lambda each: -each.confidence):
        note = notes.get(one.column) or before.columns.get(one.column) or ColumnNote()
        notes[one.column] = _with(note, one)
    write_columns(scope, ref, before, notes)
    _decide(scope, ref, chosen, "confirmed")
    return get_entry(scope, name)


def reject_columns(
    scope: Scope, name: str, columns: Sequence[str] = (), *, kind: str = ""
) -> tuple[ColumnProposal, ...]:
    """Turn down what was proposed of some columns, or of all; return what is still open.

    Raises:
        NotFound: nothing was proposed of one of them.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_WRITE, ref)
    _decide(scope, ref, _chosen(scope, name, columns, kind), "rejected")
    return store.list_proposals(scope.tx, scope.project, name, "proposed")


def _found(session: Session, version: DatasetVersion) -> list[ColumnProposal]:
    rows = rows_of(session.drivers, version.files)
    kinds = kinds_of(schema_of(rows))
    step = max(1, version.rows // _SAMPLE)
    chosen = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in kinds)
    sample: dict[str, list[str | None]] = {}
    if chosen:
        every = "SELECT *, row_number() OVER () AS bucle_row FROM dataset"
        query = f"SELECT {chosen} FROM ({every}) WHERE bucle_row % {step} = 0 LIMIT {2 * _SAMPLE}"
        sample = session.drivers.engine.query(query, tables={"dataset": rows}).to_pydict()
    language = session.house.settings.language
    return [
        ColumnProposal(
            column=column.name,
            kind=guess.kind,
            meaning=guess.meaning,
            unit=guess.unit,
            sensitivity=guess.sensitivity,
            confidence=guess.confidence,
            evidence=guess.evidence,
            version=version.ref,
        )
        for column in version.columns
        for guess in recognise(
            column.name,
            kinds.get(column.name, ""),
            [value for value in sample.get(column.name, ()) if value is not None],
            language=language,
        )
    ]


def _keep(
    scope: Scope, version: DatasetVersion, found: list[ColumnProposal]
) -> tuple[ColumnProposal, ...]:
    name = version.ref.name
    scope.require(Permission.DATASET_WRITE, version.ref)
    store.lock(scope.tx, scope.project, name)
    there = store.list_proposals(scope.tx, scope.project, name)
    decided = {(each.column, each.kind) for each in there if each.state != "proposed"}
    open_ = {(each.column, each.kind) for each in there if each.state == "proposed"}
    said = said_of(scope.tx, scope.project, name).columns
    fresh = [
        each
        for each in found
        if (each.column, each.kind) not in decided
        and not (each.sensitivity and said.get(each.column, ColumnNote()).sensitivity)
    ]
    store.drop_undecided(scope.tx, scope.project, name)
    store.put_proposals(scope.tx, scope.project, name, fresh)
    if new := [each for each in fresh if (each.column, each.kind) not in open_]:
        scope.record(
            "dataset.columns_proposed", version.ref,
            columns={each.column: each.kind for each in new}, count=len(new),
        )  # fmt: skip
    return tuple(fresh)


def _chosen(
    scope: Scope, name: str, columns: Sequence[str], kind: str
) -> tuple[ColumnProposal, ...]:
    store.lock(scope.tx, scope.project, name)
    there = store.list_proposals(scope.tx, scope.project, name, "proposed")
    there = tuple(each for each in there if not kind or each.kind == kind)
    for column in columns or ("",):
        if not any(column in {"", each.column} for each in there):
            about = f"the column {column!r} of " if column else ""
            raise NotFound(
                f"nothing is proposed of {about}dataset:{name}" + (f" as {kind}" if kind else ""),
                hint=f"bucle data propose-columns {name}",
            )
    return tuple(each for each in there if not columns or each.column in columns)


def _with(note: ColumnNote, one: ColumnProposal) -> ColumnNote:
    """Add a proposal to what is said of a column; the more careful level counts."""
    careful = max(note.sensitivity, one.sensitivity, key=LEVELS.index)
    return msgspec.structs.replace(
        note,
        meaning=note.meaning or one.meaning,
        unit=note.unit or one.unit,
        sensitivity=careful,
    )


def _decide(scope: Scope, ref: Ref, chosen: Sequence[ColumnProposal], state: str) -> None:
    done = [
        msgspec.structs.replace(
            each, state=state, decided_at=scope.now, decided_by=scope.actor.name
        )
        for each in chosen
    ]
    store.put_proposals(scope.tx, scope.project, ref.name, done)
    said = {"columns": {each.column: each.kind for each in done}, "count": len(done)}
    if state == "confirmed":
        scope.record("dataset.columns_confirmed", ref, **said)
    else:
        scope.record("dataset.columns_rejected", ref, **said)
