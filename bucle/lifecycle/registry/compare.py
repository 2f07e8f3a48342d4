"""Compare what two models said of the same rows."""

from collections.abc import Mapping

import numpy as np

from bucle.lifecycle.registry.columns import Array

TOLERANCE = 1e-5  # absolute and relative; single precision holds about 1e-7
PROOF = 2e-6  # of a compiled model on a few rows, so that on many it stays within TOLERANCE


def difference(
    expected: Mapping[str, Array], found: Mapping[str, Array], *, tolerance: float = TOLERANCE
) -> str:
    """Say how the answers differ, "" if they are equal: classes exactly, numbers closely."""
    if set(expected) != set(found):
        return f"the outputs are {', '.join(found)} and not {', '.join(expected)}"
    told = (_unequal(name, expected[name], found[name], tolerance) for name in expected)
    return next((text for text in told if text), "")


def _unequal(name: str, expected: Array, found: Array, tolerance: float) -> str:
    if expected.shape != found.shape:
        return f"{name} has shape {found.shape} and not {expected.shape}"
    if expected.dtype.kind != "f" or found.dtype.kind != "f":
        differing = np.flatnonzero(expected != found)
        if not differing.size:
            return ""
        row = int(differing[0])
        return (
            f"{name} differs in {differing.size} of {len(expected)} rows: in row {row} it is "
            f"{found[row]!r} and not {expected[row]!r}"
        )
    close = np.isclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    if close.all():
        return ""
    gap = float(np.nanmax(np.abs(found - expected)))
    return f"{name} differs in {np.count_nonzero(~close)} of {close.size} values, by up to {gap:g}"
