"""Draw a pipeline into a plan: plain values that the runner can store and schedule."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.pipelines.define import Drawing, Handle, Node, handles_in
from bucle.lifecycle.pipelines.footprint import Footprint, footprint_of
from bucle.lifecycle.pipelines.origin import Origin
from bucle.lifecycle.tracking import CodeState, Scalar


class StepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run to come.

    Attributes:
        name: of the call, unique in the pipeline.
        needs: the names of the steps whose end it waits for.
        takes: the parts of their values that it is given, as (step, path).
        parts: its footprint: what of the project it uses, with digests.
        doubts: why its value may depend on more than its footprint; empty: it does not.
    """

    name: str
    needs: tuple[str, ...]
    takes: tuple[tuple[str, tuple[int | str, ...]], ...]
    parts: dict[str, str]
    doubts: tuple[str, ...]
    params: dict[str, Scalar]  # those arguments that are plain values
    retries: int
    backoff_s: float
    cache: bool
    timeout_s: float | None  # None: no limit

    @property
    def footprint(self) -> Footprint:
        """The digests of everything of the project that the step uses."""
        return Footprint(parts=self.parts, doubts=self.doubts)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline with its parameters, ready to run."""

    pipeline: str
    params: dict[str, Any]
    inputs: tuple[Ref, ...]  # the dataset versions that parameters name
    steps: tuple[StepPlan, ...]
    outputs: tuple[tuple[str, str, tuple[int | str, ...]], ...]  # name, step, path
    code: CodeState
    environment: str  # digest of the lock


def plan_steps(drawing: Drawing, folder: Path) -> tuple[StepPlan, ...]:
    """Return the steps of a drawing in the order of their calls."""
    origin = Origin(folder)
    return tuple(_plan_step(node, origin) for node in drawing.nodes)


def footprint_of_node(node: Node, folder: Path) -> Footprint:
    """Return what one call of a step depends on: its code, and what it is given directly."""
    return _footprint(node, Origin(folder))


def named_outputs(
    value: object, name: str = "value"
) -> Iterator[tuple[str, str, tuple[int | str, ...]]]:
    """Yield the handles of what a pipeline returned: name, step, path.

    A single one is called `value`; those of a dict by their keys, of a tuple by their places.
    """
    if isinstance(value, Handle):
        yield name, value.node.name, value.path
    elif isinstance(value, dict | list | tuple):
        prefix = "" if name == "value" else f"{name}."
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            yield from named_outputs(part, f"{prefix}{key}")


def _plan_step(node: Node, origin: Origin) -> StepPlan:
    options, footprint = node.step.options, _footprint(node, origin)
    return StepPlan(
        name=node.name,
        needs=tuple(needed.name for needed in node.needs),
        takes=tuple((handle.node.name, handle.path) for handle in _handles(node)),
        parts=footprint.parts,
        doubts=footprint.doubts,
        params={
            name: value
            for name, value in node.call.arguments.items()
            if isinstance(value, str | int | float | bool)
        },
        retries=options.retries,
        backoff_s=options.backoff_s,
        cache=options.cache,
        timeout_s=options.timeout_s,
    )


def _footprint(node: Node, origin: Origin) -> Footprint:
    given = (_without_handles(node.call.args), _without_handles(node.call.kwargs))
    return footprint_of(node.step.function, origin, given=given)


def _handles(node: Node) -> tuple[Handle, ...]:
    return tuple(handles_in((*node.call.args, node.call.kwargs)))


def _without_handles(value: object) -> object:
    """Put the order of a handle in its place: its value has a digest of its own."""
    match value:
        case Handle():
            return f"the value of {value.node.step.name!r} at {value.path}"
        case dict():
            return {key: _without_handles(part) for key, part in value.items()}
        case list() | tuple():
            return type(value), [_without_handles(part) for part in value]
    return value
