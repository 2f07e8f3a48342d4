"""Judge what a producer delivers by the contract in force, and give the producer what is to do.

A breach refuses nothing: that is the business of what is declared of the dataset.  It opens one
task per cause, for the producer, and the next delivery that keeps the contract closes it.  What is
slow, the scan of the rows, happens outside of any transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from bucle.base.errors import BucleError, Conflict, Invalid, Refused, Unavailable
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict, all_ok
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.governance.tasks.change import close_cause, open_task
from bucle.governance.tasks.read import find_open_task, receivers_of
from bucle.governance.tasks.records import BY_ROLE, NewTask
from bucle.lifecycle.data.against import gather
from bucle.lifecycle.data.catalog.read import judge_freshness, newest_at, require_dataset
from bucle.lifecycle.data.check import check_table
from bucle.lifecycle.data.contracts import store
from bucle.lifecycle.data.contracts.records import Contract, Delivery, cause_of
from bucle.lifecycle.data.contracts.terms import judge_schema, judge_volume
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.read import HEAD, find_bare, rows_of, with_files
from bucle.lifecycle.data.records import DatasetSpec, DatasetVersion

_TODO = {
    "refused": "correct the delivery as it says, and commit it again",
    "schema": "deliver the columns that were promised, or propose another contract",
    "expectations": "correct the rows and commit them again",
    "late": "deliver what is missing",
    "volume": "deliver the rows that are missing, or say why they are so many",
}


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for and against a version, by the kind of breach."""

    schema: tuple[Verdict, ...] = ()
    expectations: tuple[Verdict, ...] = ()
    late: tuple[Verdict, ...] = ()
    volume: tuple[Verdict, ...] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All of them."""
        return (*self.schema, *self.expectations, *self.late, *self.volume)


@contextmanager
def told_to_producer(session: Session, dataset: str, branch: str) -> Iterator[None]:
    """Open a task for the producer whose delivery is refused within the block."""
    try:
        yield
    except (Invalid, Refused) as error:
        if branch == HEAD:
            _tell(session, dataset, error)
        raise


def judge_delivery(session: Session, version: DatasetVersion, *, rows: int) -> Delivery | None:
    """Judge a version that was just committed, with the rows that it brought.

    Returns:
        None where no contract is in force, the version is not of main, or judging must wait.
    """
    if version.branch != HEAD:
        return None
    with session.begin(write=False) as scope:
        contract = _in_force(scope, version.ref.name)
    if contract is None:
        return None
    try:
        judged = _judge_rows(session, contract, version)
        with session.begin() as scope:
            is_theirs = contract.producer in receivers_of(scope)
            return _record(scope, contract, version, judged, rows=rows, is_theirs=is_theirs)
    except (Conflict, Unavailable):
        return None  # it is committed; control judges what nobody judged


def judge_contracts(session: Session) -> tuple[Verdict, ...]:
    """Look whether what was promised came: for control, which asks at its every look.

    A version that nobody judged, as the process that committed it died, is judged now.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE)
        names = store.list_kept(scope.tx, scope.project, scope.now)
    return tuple(verdict for name in names for verdict in _look(session, name))


def standing(scope: Scope, contract: Contract) -> tuple[Verdict, ...]:
    """Return how a contract is kept now: the newest version's verdicts, its age and its rows."""
    scope.require(Permission.DATASET_READ, contract.dataset)
    head = require_dataset(scope, contract.dataset.name)
    delivered = (
        store.find_delivery(scope.tx, scope.project, contract.dataset.name, head.number)
        if head
        else None
    )
    kept = [
        each
        for each in (delivered.verdicts if delivered else ())
        if each.name not in {"fresh", "volume"}
    ]
    timely = _judge_time(scope, contract, head)
    return (*kept, *timely.late, *timely.volume)


def _tell(session: Session, dataset: str, error: BucleError) -> None:
    try:
        with session.begin() as scope:
            contract = _in_force(scope, dataset)
            if contract is None or contract.producer not in receivers_of(scope):
                return
            kind, said = "refused", error.message
            if isinstance(error, Refused) and error.because:
                kind, said = "expectations", _said([each for each in error.because if not each.ok])
            _open(scope, contract, kind, f"a delivery to {contract.dataset} was refused: {said}")
    except BucleError:
        return  # the refusal itself is what the producer must read


def _judge_rows(session: Session, contract: Contract, version: DatasetVersion) -> _Judged:
    terms = contract.terms
    schema = judge_schema(terms, version.columns)
    if not terms.expectations:
        return _Judged(schema=schema)
    spec = DatasetSpec(name=version.ref.name, expectations=terms.expectations)
    try:
        rows = rows_of(session.drivers, with_files(session.drivers, version).files)
        report = check_table(
            session.drivers.engine,
            rows,
            spec=spec,
            types={field.name: field.type for field in schema_of(rows)},
            now=session.drivers.clock.now(),
            against=gather(session, spec),
        )
    except Invalid as error:  # what can not be executed does not hold
        failed = Verdict(name="expectations", ok=False, note=error.message)
        return _Judged(schema=schema, expectations=(failed,))
    kept = tuple(
        each if each.ok or each.name in report.breaks else msgspec.structs.replace(each, ok=True)
        for each in report.verdicts
    )
    return _Judged(schema=schema, expectations=kept)


def _judge_time(scope: Scope, contract: Contract, head: DatasetVersion | None) -> _Judged:
    terms, name = contract.terms, contract.dataset.name
    late: tuple[Verdict, ...] = ()
    volume: tuple[Verdict, ...] = ()
    since = contract.effective_at or contract.proposed_at
    if terms.fresh_within:
        # What was promised counts from when it was: before that nothing could be late.
        newest = max(newest_at(scope, head), since) if head else since
        late = (judge_freshness(terms.fresh_within, newest, scope.now),)
    if terms.per:
        far = scope.now - 2 * parse_duration(terms.per)
        came = store.list_deliveries(scope.tx, scope.project, name, since=far, limit=100_000)
        verdict = judge_volume(terms, came, since=since, now=scope.now)
        volume = (verdict,) if verdict else ()
    return _Judged(late=late, volume=volume)


def _record(
    scope: Scope, contract: Contract, version: DatasetVersion, judged: _Judged, *, rows: int,
    is_theirs: bool,
) -> Delivery:  # fmt: skip
    scope.require(Permission.DATASET_WRITE, version.ref)
    before = store.find_delivery(scope.tx, scope.project, version.ref.name, version.number)
    made = Delivery(
        version=version.ref,
        contract=contract.ref,
        at=before.at if before else version.committed_at,
        by=version.committed_by,
        rows=before.rows if before else rows,
        ok=True,
        verdicts=judged.verdicts,
    )
    store.put_delivery(scope.tx, scope.project, made)  # its rows count in the volume
    timely = _judge_time(scope, contract, version)
    judged = msgspec.structs.replace(judged, late=timely.late, volume=timely.volume)
    made = msgspec.structs.replace(made, ok=all_ok(judged.verdicts), verdicts=judged.verdicts)
    store.put_delivery(scope.tx, scope.project, made)
    close_cause(scope, cause_of(contract, "refused"), reason=f"{version.ref} was committed")
    for kind in ("schema", "expectations", "late", "volume"):
        _follow(scope, contract, kind, getattr(judged, kind), (version.ref, is_theirs))
    return made


def _follow(
    scope: Scope, contract: Contract, kind: str, verdicts: Sequence[Verdict],
    found: tuple[Ref, bool],
) -> None:  # fmt: skip
    """Open the task of a breach, or close the one of a breach that is over."""
    version, is_theirs = found
    failed = [each for each in verdicts if not each.ok]
    if not failed:
        close_cause(scope, cause_of(contract, kind), reason=f"{version} keeps {contract.ref}")
    elif is_theirs:
        _open(scope, contract, kind, f"{version} breaks {contract.ref}: {_said(failed)}")


def _look(session: Session, name: str) -> tuple[Verdict, ...]:
    with session.begin(write=False) as scope:
        contract = _in_force(scope, name)
        head = require_dataset(scope, name)
        judged = head and store.find_delivery(scope.tx, scope.project, name, head.number)
    if contract is None:
        return ()
    since = contract.effective_at or contract.proposed_at
    if head and head.branch == HEAD and not judged and head.committed_at >= since:
        rows = _judge_rows(session, contract, head)
        theirs = contract.producer.startswith(BY_ROLE) or contract.producer == head.committed_by
        with session.begin() as scope:
            _record(scope, contract, head, rows, rows=_brought(scope, head), is_theirs=theirs)
    with session.begin() as scope:
        timely = _judge_time(scope, contract, head)
        for kind, verdicts in (("late", timely.late), ("volume", timely.volume)):
            failed = [each for each in verdicts if not each.ok]
            cause = cause_of(contract, kind)
            if not failed:
                close_cause(scope, cause, reason=f"{contract.ref} is kept again")
            elif find_open_task(scope, cause) is None:
                _open(scope, contract, kind, f"{contract.dataset}: {_said(failed)}")
        return (*timely.late, *timely.volume)


def _brought(scope: Scope, version: DatasetVersion) -> int:
    """Return how many rows a version has beyond the one before it."""
    if version.parent is None:
        return version.rows
    return max(version.rows - find_bare(scope, version.parent).rows, 0)


def _open(scope: Scope, contract: Contract, kind: str, why: str) -> None:
    new = NewTask(
        kind=f"contract.{kind}",
        about=contract.dataset,
        receiver=contract.producer,
        why=why,
        todo=_TODO[kind],
        cause=cause_of(contract, kind),
    )
    open_task(scope, new)


def _in_force(scope: Scope, name: str) -> Contract | None:
    return store.find_in_force(scope.tx, scope.project, name, scope.now)


def _said(failed: Sequence[Verdict]) -> str:
    return "; ".join(f"{each.name}: {each.note}" if each.note else each.name for each in failed)
