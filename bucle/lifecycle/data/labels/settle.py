"""What several answers say together: the majority, or the most likely by how good labellers are.

A. P. Dawid, A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM
algorithm", Applied Statistics 28 (1979), 20-28.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

_ROUNDS = 200
_ENOUGH = 1e-8
_SMOOTHING = 0.01  # of an answer that nobody gave: a matrix of few answers has no zeros


def majority(answers: Sequence[Hashable]) -> tuple[Hashable | None, float | None]:
    """Return the value that most answers have, with its share; of two that are equal, none."""
    if not answers:
        return None, None
    (first, count), *rest = Counter(answers).most_common()
    if rest and rest[0][1] == count:
        return None, None
    return first, count / len(answers)


def dawid_skene(
    answers: Sequence[Mapping[str, Hashable]],
) -> list[tuple[Hashable | None, float | None]]:
    """Return the most likely class of each item with its posterior probability.

    Each item's answers are by labeller.  Classes and labellers' error rates are estimated
    together, beginning with the shares of the answers; an item without answers has no class.
    """
    labellers = sorted({name for item in answers for name in item})
    classes = sorted({value for item in answers for value in item.values()}, key=repr)
    if not classes:
        return [(None, None)] * len(answers)
    place = {value: number for number, value in enumerate(classes)}
    given = np.zeros((len(answers), len(labellers), len(classes)))
    for row, item in enumerate(answers):
        for column, name in enumerate(labellers):
            if name in item:
                given[row, column, place[item[name]]] = 1
    counts = given.sum(axis=1)
    belief = (counts + 1e-12) / (counts + 1e-12).sum(axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        prior = belief.mean(axis=0)
        # Of each labeller, how often a true class (rows) is said to be another (columns).
        errors = np.einsum("it,ils->lts", belief, given) + _SMOOTHING
        errors /= errors.sum(axis=2, keepdims=True)
        scores = np.log(prior + 1e-300) + np.einsum("ils,lts->it", given, np.log(errors))
        scores -= scores.max(axis=1, keepdims=True)
        new = np.exp(scores)
        new /= new.sum(axis=1, keepdims=True)
        moved = float(np.abs(new - belief).max())
        belief = new
        if moved < _ENOUGH:
            break
    best = belief.argmax(axis=1)
    return [
        (classes[best[row]], float(belief[row, best[row]])) if item else (None, None)
        for row, item in enumerate(answers)
    ]
