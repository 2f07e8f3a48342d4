"""Read and check a space: pure, so that a wrong one is told before the first trial."""

from collections.abc import Mapping

from bucle.base.errors import Invalid
from bucle.base.refs import check_name
from bucle.lifecycle.tracking import Scalar
from bucle.lifecycle.tuning.records import Choice, Dimension, Float, Int, Space

ALGORITHM = "algorithm"

Dimensions = Mapping[str, Dimension]
Given = Space | Dimensions | Mapping[str, Dimensions]


def as_space(given: Given) -> Space:
    """Read a space: dimensions by name, or for each algorithm its own dimensions by name.

    Raises:
        Invalid: it is empty, mixes the two, or a dimension can not be searched.
    """
    space = given if isinstance(given, Space) else _read(given)
    if not space.dimensions and not space.algorithms:
        raise Invalid("the space to search is empty", hint="for example {'depth': Int(1, 9)}")
    for name, dimension in space.dimensions.items():
        _check(name, dimension)
    for algorithm, dimensions in space.algorithms.items():
        check_name(algorithm)
        for name, dimension in dimensions.items():
            _check(f"{algorithm}.{name}", dimension)
            if name in space.dimensions or name == ALGORITHM:
                raise Invalid(f"{algorithm!r} has a dimension {name!r} that all have already")
    return space


def check_params(space: Space, params: Mapping[str, Scalar]) -> None:
    """Refuse parameters that are not in the space.

    Raises:
        Invalid: a name that it does not have, or a value outside of its limits.
    """
    dimensions = dict(space.dimensions)
    if space.algorithms:
        algorithm = params.get(ALGORITHM)
        if algorithm not in space.algorithms:
            raise Invalid(
                f"{algorithm!r} is not an algorithm of the space",
                hint=f"one of {', '.join(space.algorithms)}",
            )
        dimensions |= space.algorithms[str(algorithm)]
    for name, value in params.items():
        if name == ALGORITHM and space.algorithms:
            continue
        if name not in dimensions:
            raise Invalid(
                f"{name!r} is not in the space", hint=f"it has {', '.join(sorted(dimensions))}"
            )
        if not _holds(dimensions[name], value):
            raise Invalid(f"{name} = {value!r} is outside of the space", hint=str(dimensions[name]))


def _read(given: Mapping[str, Dimension] | Mapping[str, Mapping[str, Dimension]]) -> Space:
    algorithms = {name: dict(part) for name, part in given.items() if isinstance(part, Mapping)}
    dimensions = {name: part for name, part in given.items() if not isinstance(part, Mapping)}
    if ALGORITHM in dimensions and algorithms:
        raise Invalid("the algorithm is searched already", hint="call the dimension otherwise")
    return Space(dimensions=dimensions, algorithms=algorithms)


def _check(name: str, dimension: Dimension) -> None:
    check_name(name)
    match dimension:
        case Float(low, high, log, step) | Int(low, high, log, step):
            if not low <= high:
                raise Invalid(f"{name} reaches from {low} down to {high}", hint="swap the limits")
            if log and low <= 0:
                raise Invalid(f"{name} is logarithmic from {low}", hint="start above zero")
            if step is not None and step <= 0:
                raise Invalid(f"{name} has the step {step}", hint="a step is above zero")
            if log and step not in (None, 1):
                raise Invalid(f"{name} is logarithmic and has a step", hint="leave one of them out")
        case Choice(options):
            if not options:
                raise Invalid(f"{name} has nothing to choose from", hint="give options")
        case _:
            raise Invalid(f"{name} can not be searched: {dimension!r}", hint="Float, Int or Choice")


def _holds(dimension: Dimension, value: Scalar) -> bool:
    match dimension:
        case Choice(options):
            return value in options
        case Int(low, high):
            return isinstance(value, int) and low <= value <= high
        case Float(low, high):
            return isinstance(value, int | float) and low <= value <= high
