"""Shapley values of any model: all subsets of columns where they are few, else permutations.

A column that is left out has the value of a reference row (interventional SHAP).  Subsets and
permutations after Štrumbelj and Kononenko (2014); each permutation is walked in both directions,
which lowers the variance.
"""

from collections.abc import Callable, Iterator
from math import factorial
from typing import TypeAlias

import numpy as np

from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.explain.records import Parts

Scores: TypeAlias = Callable[[Columns], Array]  # rows x classes

_MOST_COLUMNS = 12  # 4,096 subsets
_LEAST_REFERENCE = 10  # fewer rows say little of what is usual
_LEAST_WALKS = 4
_CHUNK_ROWS = 8192


class _Mixer:
    """Rows that have some columns of one row and the others of reference rows."""

    def __init__(self, columns: Columns, reference: Columns, scores: Scores) -> None:
        self.names = tuple(columns)
        self.rows = len(next(iter(columns.values())))
        self.known = len(next(iter(reference.values())))
        self._columns, self._reference, self._scores = columns, reference, scores
        self.calls = 0

    def ask(self, row: int, masks: Array, places: Array) -> Array:
        """Return the scores of rows: `masks` says which columns are the row's own.

        Args:
            row: whose columns are taken.
            masks: rows x columns.
            places: of each row, the reference row that gives the others.
        """
        self.calls += len(masks)
        found = []
        for start in range(0, len(masks), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            mixed = {
                name: np.where(
                    masks[part, place],
                    self._columns[name][row],
                    self._reference[name][places[part]],
                )
                for place, name in enumerate(self.names)
            }
            found.append(self._scores(mixed))
        return np.concatenate(found)


def shapley(columns: Columns, reference: Columns, scores: Scores, calls: int, seed: int) -> Parts:
    """Return what each column adds to the scores of each row.

    Args:
        columns: the rows to explain.
        reference: rows that show what is usual.
        scores: the model, rows x classes.
        calls: rows that the model may be asked for; at least some are, however few that is.
        seed: which reference rows and permutations are drawn.
    """
    mixer = _Mixer(columns, reference, scores)
    rng = np.random.default_rng(seed)
    share, width = max(calls // mixer.rows, 1), len(mixer.names)
    fit = share >> width if width <= _MOST_COLUMNS else 0
    if fit >= min(_LEAST_REFERENCE, mixer.known):
        chosen = rng.permutation(mixer.known)[:fit]
        parts = [_all_subsets(mixer, row, chosen) for row in range(mixer.rows)]
    else:
        walks = max(share // (2 * (width + 1)), _LEAST_WALKS)
        parts = [_walked(mixer, row, walks, rng) for row in range(mixer.rows)]
    errors = [part[2] for part in parts if part[2] is not None]
    return Parts(
        base=np.stack([part[0] for part in parts]),
        contributions=np.stack([part[1] for part in parts]),
        errors=np.stack(errors) if errors else None,
        calls=mixer.calls,
    )


def _all_subsets(mixer: _Mixer, row: int, chosen: Array) -> tuple[Array, Array, Array | None]:
    """Return base and contributions of one row, by every subset of its columns."""
    width = len(mixer.names)
    subsets = np.arange(1 << width)
    member = (subsets[:, None] >> np.arange(width)) & 1 == 1
    masks = np.repeat(member, len(chosen), axis=0)
    asked = mixer.ask(row, masks, np.tile(chosen, len(subsets)))
    values = asked.reshape(len(subsets), len(chosen), -1).mean(axis=1)
    sizes = member.sum(axis=1)
    weights = [
        factorial(size) * factorial(width - size - 1) / factorial(width) for size in range(width)
    ]
    found = np.empty((values.shape[1], width))
    for place in range(width):
        without = subsets[~member[:, place]]
        gains = values[without | 1 << place] - values[without]
        found[:, place] = np.asarray(weights)[sizes[without]] @ gains
    return values[0], found, None


def _walked(
    mixer: _Mixer, row: int, walks: int, rng: np.random.Generator
) -> tuple[Array, Array, Array | None]:
    """Return base, contributions and their standard errors, by walks from reference to row."""
    width = len(mixer.names)
    orders, places = [], []
    for order, place in _draws(width, mixer.known, walks, rng):
        orders += [order, order[::-1]]
        places += [place, place]
    steps = np.tri(width + 1, width, -1, dtype=bool)  # the n-th row has the first n columns
    masks = np.concatenate([_inverse(steps, order) for order in orders])
    asked = mixer.ask(row, masks, np.repeat(places, width + 1))
    values = asked.reshape(len(orders), width + 1, -1)
    gains = np.diff(values, axis=1)  # walks x steps x classes
    added = np.empty((len(orders), values.shape[2], width))
    for number, order in enumerate(orders):
        added[number, :, order] = gains[number]
    pairs = added.reshape(walks, 2, *added.shape[1:]).mean(axis=1)
    errors = pairs.std(axis=0, ddof=1) / np.sqrt(walks)
    return values[:, 0].mean(axis=0), pairs.mean(axis=0), errors


def _draws(
    width: int, known: int, walks: int, rng: np.random.Generator
) -> Iterator[tuple[Array, int]]:
    """Yield orders of the columns, each with a reference row: all rows before one comes again."""
    turns = [rng.permutation(known) for _ in range(-(-walks // known))]
    for place in np.concatenate(turns)[:walks]:
        yield rng.permutation(width), int(place)


def _inverse(steps: Array, order: Array) -> Array:
    """Return masks in which columns join in this order."""
    masks = np.empty_like(steps)
    masks[:, order] = steps
    return masks
