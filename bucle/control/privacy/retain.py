"""Which versions of a dataset something that lives was made of: retention leaves those."""

from bucle.base.refs import Ref
from bucle.governance.lineage.trace import reach
from bucle.governance.session import Session
from bucle.lifecycle import registry, serving
from bucle.lifecycle.data.retain.records import Retained, RetentionPlan
from bucle.lifecycle.data.retain.retain import plan, retain
from bucle.lifecycle.registry.forget import every_version


def plan_retention(session: Session, name: str, *, used_too: bool = False) -> RetentionPlan:
    """Return what a dataset's retention would remove; with `used_too`, what models use as well."""
    return plan(session, name, {} if used_too else used_versions(session, name))


def carry_out_retention(session: Session, name: str, *, used_too: bool = False) -> Retained:
    """Remove what is older than a dataset's retention; with `used_too`, what models use as well."""
    return retain(session, name, {} if used_too else used_versions(session, name))


def used_versions(session: Session, name: str) -> dict[Ref, str]:
    """Return the versions that a model was trained on which is served or bears an alias."""
    with session.begin(write=False) as scope:
        alive: dict[Ref, str] = {}
        for version in every_version(scope):
            aliases = registry.get_model(scope, version.ref.name).aliases
            mine = [alias for alias, number in aliases.items() if number == version.number]
            if mine:
                alive[version.ref] = f"{version.ref} ({', '.join(mine)})"
        for deployment in serving.list_deployments(scope).items:
            for variant in deployment.variants:
                alive.setdefault(variant.model, f"{variant.model} ({deployment.ref})")
        used: dict[Ref, str] = {}
        for model, told in alive.items():
            found = reach(scope, model, up=True, past=lambda far: not far.startswith("dataset:"))
            for far in found:
                if far.startswith(f"dataset:{name}@"):
                    used[Ref.parse(far)] = f"used by {told}"
    return used
