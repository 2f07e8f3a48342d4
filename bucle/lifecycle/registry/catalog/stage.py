"""Move a version to a stage; `Production` asks the gates, as an alias does."""

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.read import checked_stage, get_version_sheet
from bucle.lifecycle.registry.catalog.records import Stage, VersionSheet
from bucle.lifecycle.registry.promote import evidence
from bucle.lifecycle.registry.records import Decision
from bucle.lifecycle.registry.store import add_decision, lock_model, next_decision

_LIVE: frozenset[Stage] = frozenset({"Staging", "Production"})


def set_stage(scope: Scope, ref: Ref, stage: str, *, archive_others: bool = False) -> VersionSheet:
    """Move a version to a stage, and perhaps whatever else is in it to `Archived`.

    Raises:
        Invalid: there is no such stage, or others are to be archived for one that is not live.
        NotFound: there is no such version.
        Refused: the stage is `Production`, and the gates of the model did not accept the version.
    """
    scope.require(Permission.MODEL_PROMOTE, ref)
    to = checked_stage(stage)
    if archive_others and to not in _LIVE:
        raise Invalid(
            f"other versions are not archived for a version that goes to {to!r}",
            hint=f"only for {' and '.join(sorted(_LIVE))}",
        )
    lock_model(scope.tx, scope.project, ref.name)
    sheet = get_version_sheet(scope, ref)
    if archive_others:
        for number in store.list_stage(scope.tx, scope.project, ref.name, to):
            if number != sheet.version.number:
                _move(scope, get_version_sheet(scope, ref.at(number)), "Archived")
    _move(scope, sheet, to)
    return get_version_sheet(scope, sheet.version.ref)


def _move(scope: Scope, sheet: VersionSheet, to: Stage) -> None:
    ref = sheet.version.ref
    verdicts = evidence(scope, sheet.version) if to == "Production" else ()
    store.say_of_version(scope.tx, scope.project, ref, stage=to)
    store.touch(scope.tx, scope.project, ref.name, scope.now, sheet.version.number)
    if sheet.stage == to:
        return
    decision = Decision(
        model=ref.bare,
        number=next_decision(scope.tx, scope.project, ref.name),
        version=sheet.version.number,
        action="staged",
        at=scope.now,
        actor=scope.actor.name,
        reason=f"from {sheet.stage} to {to}",
        verdicts=verdicts,
    )
    add_decision(scope.tx, scope.project, decision)
    scope.record("model.staged", ref, stage=to, before=sheet.stage, verdicts=verdicts)
