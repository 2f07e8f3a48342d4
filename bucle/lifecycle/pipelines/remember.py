"""The key of a step's value, and whether a value that is there may be taken."""

from collections.abc import Sequence

from bucle.base.digest import digest_value
from bucle.base.refs import Ref
from bucle.base.version import __version__
from bucle.governance.scope import Scope
from bucle.lifecycle.data import find_head
from bucle.lifecycle.pipelines import store
from bucle.lifecycle.pipelines.plan import StepPlan
from bucle.lifecycle.pipelines.records import CacheEntry
from bucle.lifecycle.pipelines.values import Part

_NAMED = 3


def key_of(plan: StepPlan, values: Sequence[Part], environment: str) -> str:
    """Return the digest of all that a step's value depends on."""
    return digest_value(
        {
            "code": plan.footprint.digest,
            "values": [part.identity for part in values],
            "environment": environment,
            "bucle": __version__,
        }
    )


def why_not_kept(plan: StepPlan) -> str:
    """Say why other runs may not take the step's value; nothing if they may."""
    if not plan.cache:
        return "not cached: cache=False"
    return f"not cached: {'; '.join(plan.doubts)}" if plan.doubts else ""


def still_holds(scope: Scope, entry: CacheEntry) -> bool:
    """Tell whether the datasets that a step chose by itself are what they were."""
    for ref in entry.inputs:
        head = find_head(scope, ref.name)
        if head is None or head.ref != ref:
            return False
    return True


def why_it_runs(scope: Scope, plan: StepPlan, reference: str) -> str:
    """Say what changed since the step last made a value."""
    last = store.find_last_entry(scope.tx, scope.project, reference, plan.name)
    if last is None:
        return "the first time"
    names = set(plan.parts) | set(last.parts)
    changed = sorted(name for name in names if plan.parts.get(name) != last.parts.get(name))
    if not changed:
        return "its inputs or the environment changed"
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return f"changed: {', '.join(changed[:_NAMED])}{more}"


def why_not_remembered(inputs: Sequence[Ref]) -> str:
    """Say what a step read that nobody would see change: a view's next definition, say."""
    views = sorted(str(ref) for ref in inputs if ref.kind == "feature_view")
    return f"not cached: it read {views[0]}" if views else ""


def chosen_inputs(inputs: Sequence[Ref], pinned: Sequence[Ref]) -> tuple[Ref, ...]:
    """Return the datasets that a step read without having been given their version."""
    return tuple(ref for ref in inputs if ref.kind == "dataset" and ref not in pinned)
