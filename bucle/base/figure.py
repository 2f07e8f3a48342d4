"""`Figure`: a float that survives JSON, which has no word for NaN or infinity.

A diverged run must say so: a loss of NaN that arrives as `null` is another value.
"""

import math
from typing import Literal

# What a figure that JSON can not write is called there (the names of protobuf's JSON mapping).
NotANumber = Literal["NaN", "Infinity", "-Infinity"]


class Figure(float):
    """A float whose JSON form is a number, or one of "NaN", "Infinity" and "-Infinity"."""

    __slots__ = ()

    @property
    def plain(self) -> float | NotANumber:
        """Return what JSON can hold."""
        return plain_figure(float(self))


def plain_figure(value: float) -> float | NotANumber:
    """Return a float as JSON can hold it: itself, or the name of what is no number."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
