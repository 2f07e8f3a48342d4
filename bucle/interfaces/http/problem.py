"""An error on the wire: the same seven classes on both sides, with hint and verdicts."""

import msgspec

from bucle.base.errors import STATUS, BucleError, Refused, Unavailable
from bucle.base.verdict import Verdict

BUG = "Bug"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer that is not a success says."""

    error: str  # the error's class; Bug: anything unexpected
    message: str
    hint: str = ""
    verdicts: tuple[Verdict, ...] = ()
    id: str = ""  # "": the message says it all; else what to look for in the server's log


_CLASSES = {kind.__name__: kind for kind in STATUS}


def problem_of(error: BucleError) -> Problem:
    """Return what the wire says of an error."""
    verdicts = error.because if isinstance(error, Refused) else ()
    return Problem(
        error=type(error).__name__, message=error.message, hint=error.hint, verdicts=verdicts
    )


def error_of(problem: Problem) -> BucleError:
    """Return the error that a problem tells of; a bug of the server is `Unavailable` here."""
    kind = _CLASSES.get(problem.error, Unavailable)
    if kind is Refused:
        return Refused(problem.message, because=problem.verdicts, hint=problem.hint)
    hint = problem.hint
    if problem.id and not hint:
        hint = f"the server's log says more under {problem.id}"
    return kind(problem.message, hint=hint)


def status_of(error: BucleError) -> int:
    """Return an error's HTTP status."""
    return STATUS[type(error)][0]
