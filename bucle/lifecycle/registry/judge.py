"""Judge a version by its model's gates: measure challenger and champion, decide, record.

Both are measured on the challenger's evaluation rows, now, with the packages that would be
served; figures that a training run logged decide nothing.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
import pyarrow as pa

from bucle.base.errors import BucleError, Conflict, Invalid, NotInstalled, Refused
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.charter import ErrorCosts, find_charter
from bucle.lifecycle.data import Look, check_version, look
from bucle.lifecycle.registry import read, store
from bucle.lifecycle.registry.columns import Array
from bucle.lifecycle.registry.evaluate import answer, evaluate, slice_rows
from bucle.lifecycle.registry.gates import (
    ALL_ROWS,
    DATA,
    STABILITY,
    UNDER_LOAD,
    Measured,
    check_gates,
    digest_of,
    judge_metrics,
)
from bucle.lifecycle.registry.latency import Latency, measure_latency
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import (
    Decision,
    GateSpec,
    LoadLatency,
    Model,
    ModelVersion,
)
from bucle.lifecycle.registry.rows import read_example, read_table
from bucle.lifecycle.registry.score import score
from bucle.lifecycle.registry.stability import measure_stability, own_seed
from bucle.lifecycle.registry.under_load import measure_under_load
from bucle.lifecycle.registry.waive import granted_waivers, with_waivers


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a judgement starts from."""

    version: ModelVersion
    champion: ModelVersion | None  # None: nobody else is champion
    gates: GateSpec
    costs: ErrorCosts | None


def declare_gates(scope: Scope, name: str, gates: GateSpec) -> Model:
    """Set what a version of this model must show; versions judged before are judged anew.

    Raises:
        Invalid: a gate names no metric that is measured, or has no limit.
    """
    ref = Ref("model", name)
    scope.require(Permission.MODEL_PROMOTE, ref)
    check_gates(gates)
    store.ensure_model(scope.tx, scope.project, name, scope.now)
    if read.get_model(scope, name).gates != gates:
        store.set_gates(scope.tx, scope.project, name, gates)
        scope.record("model.gates_declared", ref, gates=gates)
    return read.get_model(scope, name)


def judge(session: Session, ref: Ref) -> Decision:
    """Measure a version against its gates and the champion, and accept or refuse it.

    Raises:
        Conflict: the champion or the gates changed meanwhile.
        Refused: the package was changed after it was registered.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.MODEL_WRITE, ref)
        case = _case(scope, ref)
    measured, seen = _measure(session, case)
    found = judge_metrics(case.gates, measured)
    with session.begin() as scope:
        store.lock_model(scope.tx, scope.project, ref.name)
        now = _case(scope, case.version.ref)
        if now.gates != case.gates or _ref_of(now.champion) != _ref_of(case.champion):
            raise Conflict(
                f"the champion or the gates of {ref.bare} changed while {case.version.ref} was "
                "being judged",
                hint=f"bucle registry judge {case.version.ref}",
            )
        digest = digest_of(case.gates)
        verdicts, accepted = with_waivers(found, granted_waivers(scope, now.version, digest))
        status: Literal["accepted", "refused"] = "accepted" if accepted else "refused"
        judged = msgspec.structs.replace(now.version, status=status, judged_by=digest)
        store.replace_version(scope.tx, scope.project, judged)
        decision = Decision(
            model=ref.bare,
            number=store.next_decision(scope.tx, scope.project, ref.name),
            version=judged.number,
            action=status,
            previous=case.champion.number if case.champion else None,
            at=scope.now,
            actor=scope.actor.name,
            reason="its gates" if not case.gates.is_empty else "no gates are declared",
            verdicts=verdicts,
            split=seen.split if seen else None,
            look=seen.number if seen else None,
        )
        store.add_decision(scope.tx, scope.project, decision)
        champion = _ref_of(case.champion)
        if accepted:
            scope.record("model.accepted", judged.ref, champion=champion, verdicts=verdicts)
        else:
            scope.record("model.refused", judged.ref, champion=champion, verdicts=verdicts)
    return decision


def _case(scope: Scope, ref: Ref) -> _Case:
    version = read.get_version(scope, ref)
    champion = read.find_version(scope, ref.at(read.CHAMPION))
    charter = find_charter(scope)
    return _Case(
        version=version,
        champion=champion if champion and champion.number != version.number else None,
        gates=read.get_model(scope, ref.name).gates or GateSpec(),
        costs=charter.costs if charter else None,
    )


def _ref_of(version: ModelVersion | None) -> Ref | None:
    return version.ref if version else None


def _measure(session: Session, case: _Case) -> tuple[Measured, Look | None]:
    """Measure what the gates ask for; None: no confirming part was looked at for it."""
    if case.gates.is_empty:
        return Measured(), None
    predictor = read.open_version(session, case.version)
    try:
        table, seen = _rows_of(session, case)
        return _measured(session, case, predictor, table), seen
    finally:
        predictor.close()


def _rows_of(session: Session, case: _Case) -> tuple[pa.Table | None, Look | None]:
    """Return the rows to measure on; those of a split are looked at only if a gate needs them."""
    version, gates = case.version, case.gates
    if version.evaluation is not None:
        return read_table(session, version.evaluation), None
    needed = gates.thresholds or gates.better_than_champion or gates.stability
    if version.split is None or not needed:
        return None, None
    seen, table = look(session, version.split, purpose="the gates of its model", about=version.ref)
    return table, seen


def _measured(
    session: Session, case: _Case, predictor: Predictor, table: pa.Table | None
) -> Measured:
    latency = None
    if case.gates.latency_ms is not None:
        latency = _latency(predictor, read_example(session, predictor))
    loaded, stumbled = _under_load(session, case)
    datasets, why = _datasets(session, case)
    data_note = ({DATA: why} if why else {}) | ({UNDER_LOAD: stumbled} if stumbled else {})
    if table is None:
        reason = "the version was registered without evaluation rows"
        notes = {ALL_ROWS: reason, STABILITY: reason} | data_note
        return Measured(latency=latency, under_load=loaded, datasets=datasets, notes=notes)
    rows, metrics, notes = _slices(session, case, predictor, table)
    champion, why = _champion(session, case, table)
    by_seed, unstable = _by_seed(session, case, table, metrics)
    return Measured(
        rows=rows,
        challenger=metrics,
        champion=champion,
        latency=latency,
        under_load=loaded,
        by_seed=by_seed,
        datasets=datasets,
        notes=notes
        | data_note
        | ({"champion": why} if why else {})
        | ({STABILITY: unstable} if unstable else {}),
    )


def _under_load(session: Session, case: _Case) -> tuple[LoadLatency | None, str]:
    """Return how long callers wait for the package at the declared load, or why nobody knows."""
    asked = case.gates.under_load
    if asked is None:
        return None, ""
    try:
        return measure_under_load(session.drivers, case.version.manifest, asked.load), ""
    except BucleError as error:
        return None, error.message


def _datasets(session: Session, case: _Case) -> tuple[dict[str, tuple[Verdict, ...]], str]:
    """Return what today's expectations say of the datasets of a version, or why they can not."""
    if not case.gates.data_tests:
        return {}, ""
    if not case.version.datasets:
        return {}, "the version names no dataset that it came from"
    found = {}
    for ref in case.version.datasets:
        try:
            found[str(ref)] = check_version(session, ref).verdicts
        except BucleError as error:
            return {}, f"{ref}: {error.message}"
    return found, ""


def _by_seed(
    session: Session, case: _Case, table: pa.Table, metrics: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, float], str]:
    """Return the metric of `stability` by seed, or why there is none."""
    asked = case.gates.stability
    if asked is None:
        return {}, ""
    own = metrics.get(ALL_ROWS, {}).get(asked.metric)
    if own is None:
        return {}, f"the evaluation does not give {asked.metric}"
    again = measure_stability(session, case.version, asked, table, case.costs)
    if again.note:
        return {}, again.note
    return {own_seed(session, case.version, asked.param): own} | again.values, ""


def _slices(
    session: Session, case: _Case, predictor: Predictor, table: pa.Table
) -> tuple[dict[str, int], dict[str, Mapping[str, float]], dict[str, str]]:
    """Return rows, metrics and reasons of all rows and of each slice that a gate names."""
    version = case.version
    try:
        answered = answer(predictor, table, version.target, version.task, case.costs)
        metrics: dict[str, Mapping[str, float]] = {ALL_ROWS: score(answered, case.costs)}
    except Invalid as error:
        return {}, {}, {ALL_ROWS: error.message}
    rows, notes = {ALL_ROWS: len(answered.actual)}, {}
    conditions = [each.slice for each in case.gates.thresholds if each.slice]
    found = slice_rows(session.drivers.engine, table, version.target, conditions)
    for condition, chosen in found.items():
        if isinstance(chosen, str):
            notes[condition] = chosen
            continue
        rows[condition] = len(chosen)
        metrics[condition] = score(answered.take(chosen), case.costs)
    return rows, metrics, notes


def _champion(
    session: Session, case: _Case, table: pa.Table
) -> tuple[dict[str, float] | None, str]:
    """Return the champion's metrics on the challenger's rows, or why there are none."""
    champion = case.champion
    if champion is None or case.gates.better_than_champion is None:
        return None, ""
    try:
        predictor = read.open_version(session, champion)
    except (Refused, NotInstalled) as error:
        return None, f"{champion.ref}: {error.message}"
    try:
        return evaluate(predictor, table, case.version.target, champion.task, case.costs), ""
    except BucleError as error:
        return None, f"{champion.ref}: {error.message}"
    finally:
        predictor.close()


def _latency(predictor: Predictor, example: Mapping[str, Array]) -> Latency:
    count = len(next(iter(example.values())))
    rows = [
        {name: column[place : place + 1] for name, column in example.items()}
        for place in range(count)
    ]
    return measure_latency(lambda place: predictor.predict(rows[place]), count)
