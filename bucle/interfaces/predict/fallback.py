"""The declared rule or constant as a model that is always loaded: no package, no library."""

from collections.abc import Mapping

from bucle.base.refs import Ref
from bucle.interfaces.predict.engines import Array, Engine
from bucle.lifecycle.registry import Manifest, Predictor, Signature
from bucle.lifecycle.serving import FALLBACK, PlannedDeployment, PlannedFallback, Variant
from bucle.lifecycle.serving.rule import parse_rule
from bucle.lifecycle.serving.stand_in import PREDICTION, as_predictions, constant_values


class FallbackRunner:
    """Runs a rule over columns that were checked; gives the same value always where it is none."""

    def __init__(self, planned: PlannedFallback) -> None:
        """Read the rule.

        Raises:
            Invalid: it is none.
        """
        self._planned = planned
        self._rule = parse_rule(planned.rule) if planned.rule else None

    def run(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Return the prediction of every row."""
        count = len(next(iter(columns.values())))
        planned = self._planned
        if self._rule is None:
            return {PREDICTION: constant_values(planned, count)}
        return {PREDICTION: as_predictions(planned, self._rule(columns, count))}

    def close(self) -> None:
        """Hold nothing, so give nothing back."""


def fallback_engine(planned: PlannedFallback) -> Engine:
    """Return what answers as the model's columns and its prediction say.

    Raises:
        Invalid: the rule is none that this release reads.
    """
    manifest = Manifest(
        flavor=FALLBACK,
        task="",
        signature=Signature(inputs=planned.inputs, outputs=(planned.output,)),
        classes=planned.classes,
        files={},
    )
    return Engine(Predictor("", manifest, FallbackRunner(planned)))


def fallback_variant(wanted: PlannedDeployment) -> Variant:
    """Return how its answers are told and logged: it is no version of a model."""
    return Variant(
        role=FALLBACK,
        model=Ref(FALLBACK, wanted.ref.name),
        manifest="",
        signature="",
        weight=0.0,
    )
