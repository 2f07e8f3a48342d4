"""Pull a dataset from its source, and keep how that went."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from bucle.base.errors import BucleError, Conflict, NotFound
from bucle.base.refs import Ref, check_name
from bucle.base.usage import Meter, measure
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.data.read import find_spec
from bucle.lifecycle.data.sourcing import store
from bucle.lifecycle.data.sourcing.address import expanded, kind_of, shown
from bucle.lifecycle.data.sourcing.check import mode_of
from bucle.lifecycle.data.sourcing.files import pull_files
from bucle.lifecycle.data.sourcing.http import pull_http
from bucle.lifecycle.data.sourcing.records import Pulled, SourceState, Turn
from bucle.lifecycle.data.sourcing.sql import pull_sql
from bucle.lifecycle.data.sourcing.topic import pull_topic

_REST = timedelta(seconds=30)
_MOST_DOUBLINGS = 10
_LONGEST_REST = timedelta(hours=1)

_PULLS: Mapping[str, Callable[[Session, Turn, Meter], Pulled]] = {
    "files": pull_files,
    "http": pull_http,
    "sql": pull_sql,
    "topic": pull_topic,
}


def pull(session: Session, name: str, *, again: bool = False) -> Pulled:
    """Take what is new at a dataset's source into its next version.

    `again` tries files that are broken once more.

    Raises:
        NotFound: the dataset has no source.
        Invalid: the source can not be read, or its rows do not fit the dataset.
        Refused: the rows break what is expected of the dataset.
        Conflict: another pull was faster, or somebody committed meanwhile.
        Unavailable: the source does not answer.
    """
    turn = _turn(session, name, again=again)
    try:
        turn = _with_secrets(turn)
        with measure() as meter:
            return _PULLS[kind_of(turn.source.url)](session, turn, meter)
    except Conflict:  # whoever was faster has written how it went
        raise
    except BucleError as error:
        _fail(session, turn, error)
        raise


def rests_until(state: SourceState) -> datetime | None:
    """Return until when a source that failed is left alone by control; None: it is not."""
    if not state.failures or state.failed_at is None:
        return None
    rest: timedelta = _REST * 2 ** min(state.failures - 1, _MOST_DOUBLINGS)
    return state.failed_at + min(rest, _LONGEST_REST)


def _turn(session: Session, name: str, *, again: bool) -> Turn:
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(name)))
        spec = find_spec(scope, name)
        found = store.find(scope.tx, scope.project, name)
    if spec is None or spec.source is None or found is None:
        raise NotFound(
            f"dataset:{name} has no source", hint=f"bucle data source {name} --url <address>"
        )
    source = spec.source
    state, ties = found
    return Turn(
        spec=spec,
        source=source,
        shown=shown(source.url, source.table),
        mode=mode_of(source, spec.key),
        state=state,
        ties=ties,
        again=again,
    )


def _with_secrets(turn: Turn) -> Turn:
    headers = turn.source.headers.items()
    return msgspec.structs.replace(
        turn,
        url=expanded(turn.source.url, os.environ),
        headers={name: expanded(value, os.environ) for name, value in headers},
    )


def _fail(session: Session, turn: Turn, error: BucleError) -> None:
    """Keep a failure; its fact is recorded once, however often the same one comes."""
    with session.begin() as scope:
        ref = Ref("dataset", turn.name)
        found = store.find(scope.tx, scope.project, turn.name)
        if found is None:
            return
        before, ties = found
        state = msgspec.structs.replace(
            before,
            number=before.number + 1,
            failures=before.failures + 1,
            error=error.message,
            failed_at=scope.now,
        )
        store.move(scope.tx, scope.project, state, seen=before.number, ties=ties)
        if before.error != error.message:
            scope.record("dataset.pull_failed", ref, source=turn.shown, error=error.message)
