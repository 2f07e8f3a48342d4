"""Send a plan out to the followers in waves, and take it back where a wave fails.

Plans that end a danger go to everybody at once: a roll-back must not wait for waves.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from bucle.base.digest import digest_bytes
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving.fleet import store
from bucle.lifecycle.serving.fleet.records import (
    FINISHED,
    ROLLED_BACK,
    ROLLING,
    SUPERSEDED,
    FleetRollout,
    FleetSpec,
)
from bucle.lifecycle.serving.fleet.waves import check_spec, judge_wave, parse_wave
from bucle.lifecycle.serving.records import Deployment

LOST_AFTER = timedelta(seconds=90)  # three polls of a follower that has nothing to tell
# Actions of deployments that take something back, or move shares between what all have already.
_URGENT = frozenset(
    {
        "deployment.killed",
        "deployment.retired",
        "deployment.rolled_back",
        "rollout.aborted",
        "rollout.reweighed",
        "rollout.trial_stopped",
    }
)


def declare_fleet(scope: Scope, spec: FleetSpec) -> FleetSpec:
    """Declare in which waves the next plans go out."""
    scope.require(Permission.SERVING_WRITE)
    checked = check_spec(spec)
    store.put_spec(scope.tx, scope.project, checked)
    scope.record("fleet.declared", _ref(scope), waves=", ".join(checked.waves))
    return checked


def is_released(scope: Scope, content: bytes) -> bool:
    """Tell whether a plan is the newest one that was sent out."""
    newest = store.find_rollout(scope.tx, scope.project)
    return newest is not None and newest.plan == digest_bytes(content)


def release(scope: Scope, content: bytes, deployments: Sequence[Deployment]) -> FleetRollout:
    """Begin to send a plan of these deployments out, unless it is the newest one already."""
    scope.require(Permission.SERVING_READ)  # who made the change was asked for more
    before = store.find_rollout(scope.tx, scope.project)
    if before is not None and before.plan == digest_bytes(content):
        return before
    stable = _stable(scope, before)
    if before is not None and before.state == ROLLING:
        ended = msgspec.structs.replace(
            before, state=SUPERSEDED, ended_at=scope.now, reason="another plan was published"
        )
        store.put_rollout(scope.tx, scope.project, ended)
    started = FleetRollout(
        number=before.number + 1 if before else 1,
        plan=digest_bytes(content),
        stable=stable.number if stable else 0,
        deployments=tuple(one.ref for one in deployments),
        state=FINISHED,
        started_at=scope.now,
        wave_at=scope.now,
        ended_at=scope.now,
    )
    there = store.count_followers(scope.tx, scope.project, scope.now - LOST_AFTER)
    if stable and there and not _is_urgent(stable, deployments):
        spec = store.find_spec(scope.tx, scope.project)
        rolling = msgspec.structs.replace(
            started, state=ROLLING, waves=spec.waves, ended_at=None, reach=0.0
        )
        started = _next_wave(scope, rolling)
        scope.record(
            "fleet.rollout_started", _ref(scope), number=started.number, waves=", ".join(spec.waves)
        )
    store.add_rollout(scope.tx, scope.project, started, content)
    return started


def is_due(scope: Scope) -> bool:
    """Tell whether there is anything to conclude about the wave that is on its way."""
    return _judged(scope)[1] != "wait"


def judge_fleet(scope: Scope) -> FleetRollout | None:
    """Look at the wave that is on its way: wait, begin the next one, finish or take it back.

    Returns None where nothing changed.
    """
    scope.require(Permission.SERVING_WRITE)
    judged, outcome, there = _judged(scope)
    if judged is None or outcome == "wait":
        return None
    if outcome == "settle":
        judged = msgspec.structs.replace(judged, settled_at=scope.now)
    elif outcome == "abort":
        judged = _taken_back(scope, judged)
    elif judged.wave < len(judged.waves):
        judged = _next_wave(scope, judged)
        scope.record(
            "fleet.wave_opened",
            _ref(scope),
            number=judged.number,
            wave=judged.waves[judged.wave - 1],
            followers=there,
        )
    else:
        judged = msgspec.structs.replace(judged, state=FINISHED, reach=1.0, ended_at=scope.now)
        scope.record("fleet.rollout_finished", _ref(scope), number=judged.number, followers=there)
    store.put_rollout(scope.tx, scope.project, judged)
    return judged


def _judged(scope: Scope) -> tuple[FleetRollout | None, str, int]:
    """Return the rollout with its verdicts, what follows, and how many followers serve it."""
    rollout = store.find_rollout(scope.tx, scope.project)
    if rollout is None or rollout.state != ROLLING:
        return None, "wait", 0
    spec = store.find_spec(scope.tx, scope.project)
    counts = store.count_wave(scope.tx, scope.project, scope.now - LOST_AFTER, rollout)
    outcome, verdicts = judge_wave(counts, spec, rollout, scope.now)
    return msgspec.structs.replace(rollout, verdicts=verdicts), outcome, counts.applied


def _taken_back(scope: Scope, rollout: FleetRollout) -> FleetRollout:
    reason = "; ".join(verdict.note for verdict in rollout.verdicts if not verdict.ok)
    scope.record(
        "fleet.rolled_back",
        _ref(scope),
        number=rollout.number,
        wave=rollout.waves[rollout.wave - 1],
        reason=reason,
    )
    return msgspec.structs.replace(rollout, state=ROLLED_BACK, ended_at=scope.now, reason=reason)


def _next_wave(scope: Scope, rollout: FleetRollout) -> FleetRollout:
    wave = parse_wave(rollout.waves[rollout.wave])
    reach, labels = rollout.reach, rollout.labels
    if wave.share is None:
        labels = (*labels, wave.labels)
    else:
        reach = store.place_at(scope.tx, scope.project, scope.now - LOST_AFTER, wave.share)
    return msgspec.structs.replace(
        rollout,
        wave=rollout.wave + 1,
        reach=max(reach, rollout.reach),
        labels=labels,
        wave_at=scope.now,
        settled_at=None,
    )


def _stable(scope: Scope, before: FleetRollout | None) -> FleetRollout | None:
    """Return the last rollout that everybody has."""
    if before is None or before.state == FINISHED:
        return before
    return store.find_rollout(scope.tx, scope.project, before.stable)


def _is_urgent(stable: FleetRollout, deployments: Sequence[Deployment]) -> bool:
    """Tell whether a plan only takes something back, or only says anew who may ask."""
    changed = [one for one in deployments if one.ref not in stable.deployments]
    return all(one.action in _URGENT for one in changed)


def _ref(scope: Scope) -> Ref:
    return Ref("project", scope.project)
