"""Run a captured function in a process of its own, and tell with its name what it raises."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, Protocol

from bucle.base.code import Code
from bucle.base.errors import BucleError, Invalid
from bucle.drivers.compute.protocol import Compute, Outcome


class Runner(Protocol):
    """Runs a function on a code elsewhere, and waits."""

    def __call__(self, what: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - its value
        """Return what `what(*given)` returns.

        Raises:
            Invalid: the function of the code failed; `given[0]` is its code.
        """
        ...


def isolated(compute: Compute, *, timeout_s: float | None = None) -> Runner:
    """Return a runner with a process for each call; without `timeout_s`, for ever."""

    def run(what: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - its value
        future: Future[Outcome[Any]] = compute.submit(what, *given, timeout_s=timeout_s)
        require_done(future, given)
        return future.result().value

    return run


def require_done(future: "Future[Any]", given: tuple[object, ...]) -> None:
    """Tell what a function raised in words of ours."""
    error = future.exception()
    if error is None or isinstance(error, BucleError):
        return
    code = given[0]
    assert isinstance(code, Code)
    told = (str(error).strip().splitlines() or [""])[0][:300]
    rows = getattr(given[1], "num_rows", None)
    raise Invalid(
        f"{code.function} failed on {rows} rows: {type(error).__name__}: {told}",
        hint="values may be missing, and there may be one row or many",
    ) from error


@lru_cache(maxsize=256)
def function_of(code: Code) -> Callable[..., object]:
    """Return the function of a code.

    Raises:
        Invalid: it needs a module that is not installed here.
    """
    names: dict[str, Any] = {"__name__": "bucle_captured"}
    try:
        exec(compile(code.source, f"<{code.function}>", "exec"), names)  # noqa: S102 - as declared
    except (ImportError, SyntaxError) as error:
        raise Invalid(
            f"{code.function} can not run here: {error}",
            hint="install what it imports where it is to run",
        ) from error
    found: Callable[..., object] = names[code.function]
    return found
