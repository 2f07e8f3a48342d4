"""Commit what a pull brought: rows, and up to where they were drawn, in one transaction.

Whoever is killed before that transaction has taken nothing, and the next pull begins where this
one did; after it, the next pull goes on behind it.  A second pull at the same time finds that the
first has moved the position, and leaves nothing.
"""

from collections.abc import Callable, Sequence

import msgspec

from bucle.base.errors import Conflict
from bucle.base.ids import new_id
from bucle.base.refs import Ref
from bucle.base.usage import Meter
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.commit import Opener, commit_opened
from bucle.lifecycle.data.records import Commit, DatasetVersion
from bucle.lifecycle.data.sourcing import store
from bucle.lifecycle.data.sourcing.address import name_of
from bucle.lifecycle.data.sourcing.records import Arrival, Position, SourceState, Turn
from bucle.lifecycle.data.upsert import upsert_opened


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull leaves: known when its last row was read."""

    position: Position
    rows: int = 0
    ties: bytes = b""
    files: tuple[Arrival, ...] = ()
    notes: tuple[str, ...] = ()
    said: str = ""  # the position, for people


class Landed(msgspec.Struct, frozen=True, kw_only=True):
    """A commit of a pull, and what is kept now."""

    version: DatasetVersion
    state: SourceState


def land(
    session: Session, turn: Turn, open_: Opener, moved: Callable[[], Moved], meter: Meter
) -> Landed:
    """Commit what is opened and move the position; `moved` is asked when all rows were read.

    Raises:
        Conflict: another pull was faster, or somebody else committed first.
    """
    wish = Commit(
        name=turn.name,
        files=(),
        mode=turn.mode,
        message=f"drawn from {turn.shown}",
        evolve=turn.source.evolve,
        lines=turn.source.lines,
        pull=new_id(session.drivers.clock.now()) if turn.mode == "append" else "",
    )
    after: list[SourceState] = []

    def also(scope: Scope, version: DatasetVersion) -> None:
        done = moved()
        after.append(_write(scope, turn, done, version))
        for ref, detail in _origins(turn, done):
            scope.link(ref, version.ref, "drawn", **detail)
        scope.record(
            "dataset.pulled", version.ref, source=turn.shown, rows=done.rows, position=done.said,
            files=[file.name for file in done.files if file.status == "taken"],
        )  # fmt: skip
        scope.spend(version.ref, meter.usage())

    make = upsert_opened if turn.mode == "upsert" else commit_opened
    version = make(session, wish, open_, also)
    return Landed(version=version, state=after[-1])


def note(session: Session, turn: Turn, done: Moved) -> SourceState:
    """Keep that a pull ended well and brought no rows.

    Raises:
        Conflict: another pull was faster.
    """
    with session.begin() as scope:
        return _write(scope, turn, done, None)


def _write(
    scope: Scope, turn: Turn, done: Moved, version: DatasetVersion | None
) -> SourceState:  # fmt: skip
    scope.require(Permission.DATASET_WRITE, Ref("dataset", turn.name))
    seen = turn.state
    state = SourceState(
        dataset=turn.name,
        number=seen.number + 1,
        position=done.position,
        column=turn.source.watermark,
        pulled_at=scope.now,
        version=version.number if version else seen.version,
        rows=done.rows if version else seen.rows,
        total=seen.total + done.rows,
        notes=done.notes,
    )
    if not store.move(scope.tx, scope.project, state, seen=seen.number, ties=done.ties):
        raise Conflict(
            f"the source of dataset:{turn.name} was pulled meanwhile by somebody else",
            hint="nothing was written; pull again",
        )
    number = version.number if version else 0
    files = [
        msgspec.structs.replace(file, version=number) if file.status == "taken" else file
        for file in done.files
    ]
    store.keep_files(scope.tx, scope.project, turn.name, files)
    return state


def _origins(turn: Turn, done: Moved) -> Sequence[tuple[Ref, dict[str, object]]]:
    taken = [file for file in done.files if file.status == "taken"]
    if not taken:
        return [(Ref("source", name_of(turn.shown)), {"rows": done.rows, "position": done.said})]
    return [(Ref("source", name_of(file.name)), {"mark": file.mark}) for file in taken]
