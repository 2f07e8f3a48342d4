"""From a model's reference to the package that a model server loads."""

from bucle.base.errors import Invalid, Refused
from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle import registry
from bucle.lifecycle.serving.records import DeploymentSpec, Variant

REFUSED = "refused"


def variant_of(
    scope: Scope, spec: DeploymentSpec, model: Ref, *, role: str, weight: float
) -> Variant:
    """Look a version up, by number or alias, and pin it by number and digest.

    Raises:
        Invalid: a version of another model than the deployment's.
        NotFound: no such version.
        Refused: its gates said no.
    """
    if model.name != spec.model:
        raise Invalid(
            f"deployment:{spec.name} serves model {spec.model!r}, not {model.name!r}",
            hint=f"write {spec.model}@<version>",
        )
    version = registry.get_version(scope, model)
    if version.status == REFUSED:
        raise Refused(
            f"{version.ref} was refused by its gates and is not served",
            hint=f"bucle registry history {model.name}",
        )
    return Variant(
        role=role,
        model=version.ref,
        manifest=version.manifest,
        signature=version.signature,
        weight=weight,
        views=version.views,
    )
