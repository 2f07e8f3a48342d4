"""Which inputs of a deployment's models are said to be sensitive, by what these were made of."""

from bucle.governance.scope import Scope
from bucle.lifecycle import registry
from bucle.lifecycle.data.sensitivity.follow import is_any_declared
from bucle.lifecycle.registry.levels import model_levels, trained_levels
from bucle.lifecycle.serving.records import Deployment


def sensitive_inputs(scope: Scope, deployment: Deployment) -> tuple[str, ...]:
    """Return the columns that requests may hold, and that any variant's training had as sensitive.

    Its inputs, and what bears the name of a sensitive column of the data: a key, for example.
    """
    policy = deployment.spec.log
    if not policy or policy.mask == "keep" or not is_any_declared(scope):
        return ()
    found: set[str] = set()
    for variant in deployment.variants:
        version = registry.get_version(scope, variant.model)
        columns = (*model_levels(scope, version).columns, *trained_levels(scope, version))
        found |= {each.column for each in columns if each.level != "none"}
    return tuple(sorted(found))
