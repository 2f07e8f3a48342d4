"""`@step` and `@pipeline` on plain functions: what to run, and what needs what.

Outside of a pipeline a step is the function it decorates, so that it is tested like one.
Inside, calling it draws a node and returns a handle: the promise of its value.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from typing import Generic, ParamSpec, TypeVar, get_args, get_origin, get_type_hints, overload

from bucle.base.errors import Invalid
from bucle.base.refs import check_name

P = ParamSpec("P")
R = TypeVar("R")

_BACKOFF_S = 1.0


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How a step is run; none of it changes what the step returns.

    Attributes:
        retries: how many times it is tried again after a failure.
        backoff_s: the wait before the first retry; each further one doubles it.
        cache: whether a value of another run may be taken, if nothing that made it changed.
        timeout_s: after which its process is killed; None: never.
        outputs: how many values it returns, so that a handle can be unpacked.
    """

    retries: int = 0
    backoff_s: float = _BACKOFF_S
    cache: bool = True
    timeout_s: float | None = None
    outputs: int | None = None  # None: one, or what `-> tuple[...]` says


@dataclass(frozen=True)
class Handle:
    """The value that a step of this drawing will return, or the part of it under `path`."""

    node: "Node" = field(repr=False)
    path: tuple[int | str, ...] = ()

    def __getitem__(self, key: int | str) -> "Handle":
        return Handle(self.node, (*self.path, key))

    def __iter__(self) -> Iterator["Handle"]:
        count = self.node.step.outputs
        if self.path or count is None:
            raise Invalid(
                f"how many values step {self.node.name!r} returns is not known before it runs",
                hint="write @step(outputs=2), or annotate it: -> tuple[A, B]",
            )
        return iter([self[place] for place in range(count)])

    def __bool__(self) -> bool:
        raise Invalid(
            f"the value of step {self.node.name!r} is not known while the pipeline is drawn",
            hint="move the decision into a step",
        )


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a step within a pipeline."""

    name: str
    step: "Step[..., object]"
    call: inspect.BoundArguments
    after: tuple["Node", ...]

    @property
    def needs(self) -> tuple["Node", ...]:
        """The calls whose values, or whose end, this one waits for; each once."""
        handles = (handle.node for handle in handles_in((*self.call.args, self.call.kwargs)))
        return tuple(dict.fromkeys((*handles, *self.after)))


@dataclass(frozen=True)
class Drawing:
    """A pipeline called with its parameters: its nodes in the order of the calls."""

    nodes: list[Node] = field(default_factory=list)
    result: object = None

    def add(self, step: "Step[..., object]", call: inspect.BoundArguments) -> Handle:
        """Draw one call; the second call of a step is `<name>-2`."""
        calls = sum(node.step.name == step.name for node in self.nodes)
        name = f"{step.name}-{calls + 1}" if calls else step.name
        node = Node(name, step, call, tuple(handle.node for handle in step.waits_for))
        for needed in node.needs:
            if not any(needed is drawn for drawn in self.nodes):
                raise Invalid(
                    f"step {name!r} is given a value of {needed.name!r} of another pipeline call",
                    hint="use a handle in the pipeline that made it",
                )
        self.nodes.append(node)
        return Handle(node)


_drawing: ContextVar[Drawing | None] = ContextVar("drawing", default=None)


class Step(Generic[P, R]):
    """A function that can be a node of a pipeline."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str,
        options: StepOptions,
        waits_for: tuple[Handle, ...] = (),
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name
        self.options = options
        self.waits_for = waits_for
        self.signature = inspect.signature(function)

    @property
    def outputs(self) -> int | None:
        """How many values it returns, as declared; None: one."""
        if self.options.outputs is not None:
            return self.options.outputs
        kinds = get_args(_return_hint(self.function))
        return len(kinds) if kinds and kinds[-1] is not Ellipsis else None

    def after(self, *handles: Handle) -> "Step[P, R]":
        """Return this step, waiting for others whose values it does not take."""
        return Step(self.function, name=self.name, options=self.options,
                    waits_for=(*self.waits_for, *handles))  # fmt: skip

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Draw a node and return its handle; outside of a pipeline, run the function."""
        drawing = _drawing.get()
        if drawing is None:
            return self.function(*args, **kwargs)
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise Invalid(
                f"step {self.name!r} was called wrongly: {error}",
                hint=f"{self.name}{self.signature}",
            ) from error
        return drawing.add(self, bound)  # type: ignore[return-value, arg-type]


class Pipeline(Generic[P, R]):
    """A function that calls steps; called outside of a run, it just runs them all here."""

    def __init__(self, function: Callable[P, R], *, name: str) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name
        self.signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, and its steps with it, here and now."""
        return self.function(*args, **kwargs)

    def draw(self, params: Mapping[str, object]) -> Drawing:
        """Call the function with checked parameters and return what it drew.

        Raises:
            Invalid: it calls no step, calls one wrongly, or decides on a handle.
        """
        drawing = Drawing()
        token = _drawing.set(drawing)
        try:
            result = self.function(**params)  # type: ignore[call-arg, arg-type]
        finally:
            _drawing.reset(token)
        if not drawing.nodes:
            raise Invalid(
                f"pipeline {self.name!r} calls no step", hint="decorate what it calls with @step"
            )
        return replace(drawing, result=result)


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    retries: int = 0,
    backoff_s: float = _BACKOFF_S,
    cache: bool = True,
    timeout_s: float | None = None,
    outputs: int | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    **options: object,
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a step of a function: `@step` or `@step(retries=2, timeout_s=60)`.

    Raises:
        Invalid: an option of a kind or a value that a step does not have.
    """

    def decorate(function: Callable[P, R]) -> Step[P, R]:
        chosen = check_name(name or function.__name__)
        return Step(function, name=chosen, options=_options(chosen, options))

    return decorate if function is None else decorate(function)


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(*, name: str | None = None) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
def pipeline(
    function: Callable[P, R] | None = None, /, *, name: str | None = None
) -> Pipeline[P, R] | Callable[[Callable[P, R]], Pipeline[P, R]]:
    """Make a pipeline of a function that calls steps: `@pipeline` or `@pipeline(name="train")`."""

    def decorate(function: Callable[P, R]) -> Pipeline[P, R]:
        return Pipeline(function, name=check_name(name or function.__name__))

    return decorate if function is None else decorate(function)


def handles_in(value: object) -> Iterator[Handle]:
    """Yield the handles of an argument, also those inside lists, tuples and dicts."""
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from handles_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from handles_in(part)


def _options(name: str, options: dict[str, object]) -> StepOptions:
    allowed = StepOptions.__dataclass_fields__
    if unknown := sorted(set(options) - set(allowed)):
        raise Invalid(
            f"@step of {name!r} has no option {unknown[0]!r}",
            hint=f"name, {', '.join(sorted(allowed))}",
        )
    made = StepOptions(**options)  # type: ignore[arg-type]
    if made.retries < 0 or made.backoff_s < 0 or (made.timeout_s or 1) <= 0:
        raise Invalid(f"retries, backoff_s and timeout_s of step {name!r} are not negative")
    return made


def _return_hint(function: Callable[..., object]) -> object:
    try:
        hint = get_type_hints(function).get("return")
    except NameError:  # imported for type checkers only: then @step(outputs=...) says it
        return None
    return hint if get_origin(hint) is tuple else None
