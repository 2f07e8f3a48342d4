"""Refuse a scoring that could never be carried out."""

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.lifecycle.serving.scoring.records import ScoringSpec


def check_scoring(spec: ScoringSpec) -> None:
    """Refuse what makes no sense.

    Raises:
        Invalid: with the value and what is allowed.
    """
    check_name(spec.name)
    Ref.parse(spec.model, kind="model")
    if bool(spec.dataset) == bool(spec.topic):
        said = "both a dataset and a topic" if spec.dataset else "neither a dataset nor a topic"
        raise Invalid(
            f"the scoring {spec.name!r} names {said}", hint="write dataset: ... or topic: ..."
        )
    if spec.every:
        parse_duration(spec.every)
    if spec.dataset:
        if spec.log:
            raise Invalid(
                "predictions of a dataset's rows go to a dataset, not to a prediction log",
                hint="leave out log:, or score a topic",
            )
        check_name(spec.output or spec.dataset)
        if spec.output == Ref.parse(spec.dataset, kind="dataset").name:
            raise Invalid(
                f"the predictions of dataset {spec.output!r} would be its next version",
                hint=f"write output: {spec.output}_scored",
            )
        return
    if not (spec.output or spec.log):
        raise Invalid(
            f"the predictions of topic {spec.topic!r} would go nowhere",
            hint="write output: <topic>, or log: <deployment>",
        )
    check_name(spec.topic)
    if spec.output == spec.topic:
        raise Invalid(
            f"predictions of topic {spec.topic!r} would be scored again",
            hint=f"write output: {spec.topic}-scored",
        )
