"""Make a declared fallback ready to answer: with the columns of the model that it stands in for.

This is done when a version begins to serve, so that pressing the kill switch later needs neither
a package nor a look at anything, and a rule that could not answer is refused beforehand.
"""

from collections.abc import Mapping

import numpy as np

from bucle.base.errors import Invalid
from bucle.drivers.blobs import BlobStore
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Field
from bucle.lifecycle.serving.declared import Fallback, PlannedFallback
from bucle.lifecycle.serving.records import Deployment, DeploymentSpec, Variant
from bucle.lifecycle.serving.rule import Array, parse_rule

PREDICTION = "prediction"
_SAMPLES: Mapping[str, Array] = {
    "float64": np.array([0.5, np.nan]),
    "int64": np.array([0, 7]),
    "bool": np.array([False, True]),
    "string": np.array(["", "a"], dtype=object),
    "timestamp": np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[us]"),
}
_CASTS = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}
_TWO = 2


def stand_in_of(
    blobs: BlobStore, before: Deployment | None, spec: DeploymentSpec, champion: Variant | None
) -> PlannedFallback | None:
    """Return what answers in need; None: no fallback is declared, or nothing is served yet.

    Raises:
        Invalid: the fallback does not fit the model that it is to stand in for.
    """
    declared = spec.fallback
    if not declared or champion is None:
        return None
    if before and before.stand_in and before.spec.fallback == declared:
        served = [one.manifest for one in before.variants]
        if before.killed and before.killed.champion:
            served.append(before.killed.champion.manifest)
        if served and served[0] == champion.manifest:
            return before.stand_in
    manifest = registry.read_manifest(blobs, champion.manifest)
    signature = manifest.signature
    output = next((one for one in signature.outputs if one.name == PREDICTION), None)
    if output is None:
        raise Invalid(
            f"{champion.model} gives no {PREDICTION!r}, so no fallback can stand in for it",
            hint=f"bucle serving deploy {spec.name} --model {spec.model}",
        )
    planned = PlannedFallback(
        rule=declared.rule,
        constant=declared.constant,
        on_error=declared.on_error,
        inputs=signature.inputs,
        output=output,
        classes=manifest.classes,
    )
    _try(planned, declared, champion)
    return planned


def fallback_values(planned: PlannedFallback, columns: Mapping[str, Array], count: int) -> Array:
    """Return the prediction of each of `count` rows.

    Raises:
        Invalid: the columns are not those that the rule reads.
    """
    if planned.rule:
        return as_predictions(planned, parse_rule(planned.rule)(columns, count))
    return constant_values(planned, count)


def constant_values(planned: PlannedFallback, count: int) -> Array:
    """Return a constant as the prediction of each of `count` rows."""
    return np.full(count, planned.constant, dtype=_CASTS.get(planned.output.type, object))


def as_predictions(planned: PlannedFallback, found: Array) -> Array:
    """Return values as the model would have said them: of two classes, false is the first."""
    classes = planned.classes
    if found.dtype.kind == "b" and len(classes) == _TWO:
        found = np.where(found, np.asarray(classes[1], object), np.asarray(classes[0], object))
    cast = _CASTS.get(planned.output.type)
    return found.astype(object if cast is None else cast)


def _try(planned: PlannedFallback, declared: Fallback, champion: Variant) -> None:
    """Answer two made-up rows, so that what can not work is said now."""
    names = [field.name for field in planned.inputs]
    if declared.rule:
        unknown = [name for name in parse_rule(declared.rule).columns if name not in names]
        if unknown:
            raise Invalid(
                f"the fallback's rule reads {unknown[0]!r}, which {champion.model} does not take",
                hint=f"its columns are {', '.join(names)}",
            )
    columns = {field.name: _sample(field) for field in planned.inputs}
    try:
        said = fallback_values(planned, columns, _TWO)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"the fallback of deployment gives no {planned.output.type}: {error}",
            hint=f"{champion.model} answers with {planned.output.type}",
        ) from error
    strange = [value for value in said.tolist() if planned.classes and value not in planned.classes]
    if strange:
        raise Invalid(
            f"the fallback answers {strange[0]!r}, which is no class of {champion.model}",
            hint=f"its classes are {', '.join(map(repr, planned.classes))}",
        )


def _sample(field: Field) -> Array:
    return _SAMPLES.get(field.type, np.array([None, None], dtype=object))
