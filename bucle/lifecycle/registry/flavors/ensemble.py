"""Flavor `ensemble`: several models in one package, of any flavors, and how they answer together.

Members take their columns by name.  `mean` and `vote` ask all of them about the same row; `last`
asks them in order, each may read what those before it gave, and the last one answers.  The file
holds every member's manifest and weights (`tensors.py`, as bytes).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from bucle.base.codec import canonical_json, decode
from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.tensors import dump_tensors, load_tensors
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import Manifest

NAME = "ensemble"
WEIGHTS = "weights.ensemble.safetensors"
CODE, HELD = "code", "yes"  # the option that says that a member runs code of its file

How = Literal["mean", "vote", "last"]
HOWS: tuple[How, ...] = ("mean", "vote", "last")
PREDICTION, PROBABILITY = "prediction", "probability"
_WORD = "ensemble"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the file holds it."""

    manifest: Manifest
    weight: float = 1.0
    gives: dict[str, str] = {}  # output -> the column that later members read it from


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who the members are and how they answer."""

    how: How
    parts: tuple[Part, ...]


def dump(plan: Plan, weights: Sequence[bytes]) -> bytes:
    """Return the file of members and their weights."""
    arrays = {str(place): np.frombuffer(part, np.uint8) for place, part in enumerate(weights)}
    return dump_tensors(arrays, {_WORD: canonical_json(plan).decode()})


def load(
    weights: bytes, manifest: Manifest, load_member: Callable[[bytes, Manifest], Runner]
) -> "EnsembleRunner":
    """Return the members, loaded.

    Raises:
        Invalid: the file is no ensemble.
        Refused: a member runs code, and the manifest keeps silent about it.
        NotInstalled: a member needs a library that is not installed.
    """
    arrays, words = load_tensors(weights)
    plan = decode(words.get(_WORD, "").encode(), Plan)
    if missing := [place for place in range(len(plan.parts)) if str(place) not in arrays]:
        raise Invalid(f"member {missing[0]} of {manifest.weights!r} has no weights")
    runners = [
        load_member(arrays[str(place)].tobytes(), part.manifest)
        for place, part in enumerate(plan.parts)
    ]
    return EnsembleRunner(plan, runners, manifest)


class EnsembleRunner:
    """Members that answer together."""

    def __init__(self, plan: Plan, runners: Sequence[Runner], manifest: Manifest) -> None:
        self._plan = plan
        self._runners = list(runners)
        self._classes = manifest.classes

    def run(self, columns: Columns) -> dict[str, Array]:
        """Ask the members; `prediction` and, where they have probabilities, `probability`."""
        asks = [runner.run for runner in self._runners]
        return answer_together(self._plan, asks, columns, self._classes)

    def close(self) -> None:
        """Close every member."""
        for runner in self._runners:
            runner.close()


def answer_together(
    plan: Plan,
    asks: Sequence[Callable[[Columns], dict[str, Array]]],
    columns: Columns,
    classes: Sequence[Any],
) -> dict[str, Array]:
    """Return what members say together of rows.

    Args:
        plan: who they are.
        asks: how each is asked, in the same order.
        columns: those of the ensemble's signature.
        classes: of a classifier, in the order of probabilities.
    """
    known = dict(columns)
    answers: list[dict[str, Array]] = []
    for part, ask in zip(plan.parts, asks, strict=True):
        found = ask({field.name: known[field.name] for field in part.manifest.signature.inputs})
        known |= {column: _column(found, output) for output, column in part.gives.items()}
        answers.append(found)
    weights = [part.weight for part in plan.parts]
    if plan.how == "last":
        return answers[-1]
    return _mean(answers, weights, classes) if plan.how == "mean" else _vote(
        answers, weights, classes
    )  # fmt: skip


def _column(answers: Mapping[str, Array], output: str) -> Array:
    """Return an output as a column; of several numbers for a row, a later model takes none."""
    if output not in answers or answers[output].ndim != 1:
        flat = [name for name, column in answers.items() if column.ndim == 1]
        raise Invalid(
            f"a member gives no single {output!r} for a row", hint=f"it gives {', '.join(flat)}"
        )
    return answers[output]


def _mean(
    answers: Sequence[Mapping[str, Array]], weights: Sequence[float], classes: Sequence[Any]
) -> dict[str, Array]:
    name = PROBABILITY if classes else PREDICTION
    together = sum(weight * found[name] for weight, found in zip(weights, answers, strict=True))
    mean: Array = np.asarray(together) / sum(weights)
    if not classes:
        return {PREDICTION: mean}
    chosen = mean.argmax(axis=1) if mean.ndim > 1 else (mean > 0.5).astype(np.intp)  # noqa: PLR2004 - the likelier of two
    return {PREDICTION: _names(classes)[chosen], PROBABILITY: mean}


def _vote(
    answers: Sequence[Mapping[str, Array]], weights: Sequence[float], classes: Sequence[Any]
) -> dict[str, Array]:
    names = _names(classes)
    votes = np.zeros((len(answers[0][PREDICTION]), len(names)))
    for weight, found in zip(weights, answers, strict=True):
        votes += weight * (found[PREDICTION][:, None] == names[None, :])
    return {PREDICTION: names[votes.argmax(axis=1)]}


def _names(classes: Sequence[Any]) -> Array:
    names = np.array(classes)
    return names.astype(object) if names.dtype.kind in "UT" else names
