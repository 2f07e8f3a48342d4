"""What the answers of a queue say together, and how far they agree."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.agree import Scale, alpha, alpha_by_class, kappa
from bucle.lifecycle.data.labels.make import get_queue
from bucle.lifecycle.data.labels.records import Agreement, Answer, Consensus, Queue, Settled
from bucle.lifecycle.data.labels.settle import dawid_skene, majority

_TWO = 2


def settled(
    scope: Scope, name: str, *, method: Consensus = "majority", disagreements: bool = False
) -> tuple[Settled, ...]:
    """Return what the answers to each item say together, by the item's place.

    An adjudicated value holds.  Of numbers the median counts, of all else the majority, or by
    `dawid-skene` the most likely class; with `disagreements`, only items that need a judge.

    Raises:
        Invalid: `dawid-skene` of a question that is not of one class.
    """
    queue = get_queue(scope, name)
    scope.require(Permission.FEEDBACK_READ, queue.ref)
    if method == "dawid-skene" and queue.spec.question.kind != "class":
        raise Invalid(
            f"{queue.ref} asks for {queue.spec.question.kind}, not for one class",
            hint="--method majority",
        )
    items = store.list_items(scope.tx, scope.project, queue.spec.name)
    answers = _by_item(store.list_answers(scope.tx, scope.project, queue.spec.name))
    likely: dict[int, tuple[Any, float | None]] = {}
    if method == "dawid-skene":
        given = [{one.labeller: one.value for one in _given(answers, n)} for n, _, _ in items]
        likely = dict(zip((n for n, _, _ in items), dawid_skene(given), strict=True))
    found = [
        _settled(queue, number, key, answers.get(number, ()), likely.get(number))
        for number, key, _ in items
    ]
    return tuple(each for each in found if each.disagree or not disagreements)


def agreement(scope: Scope, name: str) -> Agreement:
    """Return how far the labellers of a queue agree, beyond chance."""
    queue = get_queue(scope, name)
    scope.require(Permission.FEEDBACK_READ, queue.ref)
    answers = _by_item(store.list_answers(scope.tx, scope.project, queue.spec.name))
    by_item = [_given(answers, number) for number in answers]
    values = [[_comparable(one.value) for one in each] for each in by_item]
    several = [each for each in values if len(each) >= _TWO]
    labellers = sorted({one.labeller for each in by_item for one in each})
    scale: Scale = "interval" if queue.spec.question.kind == "number" else "nominal"
    return Agreement(
        queue=queue.ref,
        items=len(several),
        labellers=tuple(labellers),
        alpha=alpha(several, scale),
        kappa=_kappa(by_item, labellers) if scale == "nominal" else None,
        by_class=alpha_by_class(several) if scale == "nominal" else {},
        by_labeller=_with_consensus(by_item, labellers) if scale == "nominal" else {},
    )


def _by_item(answers: Sequence[Answer]) -> dict[int, tuple[Answer, ...]]:
    found: dict[int, tuple[Answer, ...]] = {}
    for each in answers:
        found[each.item] = (*found.get(each.item, ()), each)
    return found


def _given(answers: Mapping[int, tuple[Answer, ...]], number: int) -> list[Answer]:
    """Return what labellers answered: nothing that was skipped, and no judge's word."""
    return [one for one in answers.get(number, ()) if not one.skipped and not one.adjudicated]


def _comparable(value: Any) -> Any:  # noqa: ANN401 - an answer's value
    """Return a value that can be compared and counted: lists as their text."""
    return canonical_json(value).decode() if isinstance(value, list | dict) else value


def _settled(
    queue: Queue,
    number: int,
    key: str,
    answers: Sequence[Answer],
    likely: tuple[Any, float | None] | None,
) -> Settled:
    given = [one.value for one in answers if not one.skipped and not one.adjudicated]
    judged = [one.value for one in answers if one.adjudicated]
    differ = len({_comparable(value) for value in given}) > 1
    value: Any
    confidence: float | None
    if judged:
        value, confidence = judged[0], 1.0
    elif not given:
        value, confidence = None, None
    elif likely is not None:
        value, confidence = likely
    elif queue.spec.question.kind == "number":
        value, confidence = float(np.median(given)), None
    else:
        texts = {_comparable(each): each for each in given}
        first, confidence = majority([_comparable(each) for each in given])
        value = texts[first] if first is not None else None
    return Settled(
        item=number,
        key=msgspec.json.decode(key),
        value=value,
        confidence=confidence,
        answers=len(given),
        disagree=differ and not judged,
    )


def _kappa(by_item: Sequence[Sequence[Answer]], labellers: Sequence[str]) -> float | None:
    if len(labellers) != _TWO:
        return None
    pairs = [
        tuple(_comparable(one.value) for one in sorted(each, key=lambda one: one.labeller))
        for each in by_item
        if len(each) == _TWO
    ]
    return kappa([(pair[0], pair[1]) for pair in pairs])


def _with_consensus(
    by_item: Sequence[Sequence[Answer]], labellers: Sequence[str]
) -> dict[str, float | None]:
    """Return how often each labeller says what most others say, where these agree on something."""
    same: dict[str, list[bool]] = {name: [] for name in labellers}
    for each in by_item:
        for one in each:
            others = [_comparable(o.value) for o in each if o.labeller != one.labeller]
            value, _ = majority(others)
            if value is not None:
                same[one.labeller].append(_comparable(one.value) == value)
    return {name: sum(said) / len(said) if said else None for name, said in same.items()}
