"""Explain rows: what each column adds to what a model says of them.

Where the model's own library knows (boosted trees, linear models, scikit-learn's trees through
shap), it is asked; any other model is asked for mixtures of the row and of reference rows.
Whatever the source: base and contributions add up to the output, which is checked.
"""

import msgspec
import numpy as np

from bucle.base.errors import Invalid, Refused
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.explain.native import own_parts
from bucle.lifecycle.registry.explain.records import (
    CHOICE,
    LOG_ODDS,
    LOGARITHM,
    MARGIN,
    PREDICTION,
    PROBABILITY,
    Ask,
    Class,
    Explanation,
    Parts,
    Wish,
    scores_of,
)
from bucle.lifecycle.registry.explain.shapley import shapley
from bucle.lifecycle.registry.predictor import Predictor

_RELATIVE, _ABSOLUTE = 1e-3, 1e-4  # boosters add in single precision
_TWO = 2


def explain(
    predictor: Predictor, ask: Ask, columns: Columns, reference: Columns, wish: Wish
) -> Explanation:
    """Return what each column adds to each row's output.

    Args:
        predictor: the model.
        ask: calls it, as the caller wants it called.
        columns: rows that were checked against its signature.
        reference: rows of the same columns that show what is usual.
        wish: what is to be explained.

    Raises:
        Invalid: the class is none of the model's, or the model has none.
        Refused: the model answers no numbers.
    """
    classes: tuple[Class, ...] = predictor.manifest.classes
    scores = scores_of(ask(columns), classes)
    if scores is None or (classes and scores.shape[1] != len(classes)):
        raise Refused(
            "the model answers no single number per row or class, so there is nothing that "
            "columns could add up to",
            hint="explain a regression or a classification",
        )
    _check_class(wish.of, classes)
    method, space, parts = _parts(predictor, ask, columns, reference, wish, scores)
    return _chosen(Explanation(
        method=method,
        space=space,
        names=tuple(columns),
        classes=classes,
        base=parts.base,
        outputs=parts.sums,
        contributions=parts.contributions,
        errors=parts.errors,
        reference_rows=0 if method == "trees" else len(next(iter(reference.values()))),
        calls=parts.calls,
    ), scores, wish)  # fmt: skip


def _parts(
    predictor: Predictor, ask: Ask, columns: Columns, reference: Columns, wish: Wish, scores: Array
) -> tuple[str, str, Parts]:
    own = own_parts(predictor.runner, columns, reference)
    if own is not None:
        method, parts = own
        parts = _both_classes(parts, scores)
        if space := space_of(parts.sums, scores, predictor.manifest.task):
            return method, space, parts
    classes = predictor.manifest.classes

    def numbers(mixed: Columns) -> Array:
        found = scores_of(ask(mixed), classes)
        assert found is not None
        return found

    parts = shapley(columns, reference, numbers, wish.calls, wish.seed)
    has_probability = any(one.name == PROBABILITY for one in predictor.signature.outputs)
    space = PREDICTION if not classes else PROBABILITY if has_probability else CHOICE
    return ("exact" if parts.errors is None else "sampled"), space, parts


def space_of(sums: Array, scores: Array, task: str) -> str:
    """Return the space in which sums are what a model says; "": they are something else.

    Args:
        sums: base and contributions, rows x classes.
        scores: what the model says, rows x classes.
        task: what the model is for.
    """

    def same(found: Array) -> bool:
        return bool(np.allclose(found, scores, rtol=_RELATIVE, atol=_ABSOLUTE))

    if sums.shape != scores.shape:
        return ""
    if same(sums):
        return PROBABILITY if task == "classification" else PREDICTION
    with np.errstate(over="ignore"):  # an exponent that is too large is none that was meant
        if task != "classification":
            return LOGARITHM if same(np.exp(sums)) else ""
        if sums.shape[1] == _TWO and same(1.0 / (1.0 + np.exp(-sums))):
            return LOG_ODDS
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return MARGIN if same(powers / powers.sum(axis=1, keepdims=True)) else ""


def _both_classes(parts: Parts, scores: Array) -> Parts:
    """Return what is said of the second class of two as what it says of both."""
    if parts.base.shape[1] != 1 or scores.shape[1] != _TWO:
        return parts
    base, added = parts.base, parts.contributions
    return Parts(
        base=np.concatenate([-base, base], axis=1),
        contributions=np.concatenate([-added, added], axis=1),
        calls=parts.calls,
    )


def _check_class(of: Class, classes: tuple[Class, ...]) -> None:
    if of is None or of in classes:
        return
    known = ", ".join(map(str, classes))
    raise Invalid(
        f"{of!r} is none of the model's classes" if classes else "the model has no classes",
        hint=f"explain one of {known}" if classes else "leave the class out",
    )


def _chosen(every: Explanation, scores: Array, wish: Wish) -> Explanation:
    """Return the explanation of one class per row."""
    known = every.classes
    rows = np.arange(len(scores))
    if wish.of is not None:
        chosen = np.full(len(scores), known.index(wish.of))
    elif len(known) == _TWO:
        chosen = np.ones(len(scores), dtype=int)
    else:
        chosen = scores.argmax(axis=1)
    return msgspec.structs.replace(
        every,
        classes=tuple(known[place] for place in chosen) if known else (None,) * len(rows),
        base=every.base[rows, chosen],
        outputs=every.outputs[rows, chosen],
        contributions=every.contributions[rows, chosen],
        errors=None if every.errors is None else every.errors[rows, chosen],
    )
