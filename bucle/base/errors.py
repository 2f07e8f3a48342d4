"""The seven errors a caller can act upon; anything else that is raised is a bug.

Each error is named by what the caller can do next.  `STATUS` maps each to its HTTP status
and its exit code, once, for every door.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bucle.base.verdict import Verdict


class BucleError(Exception):
    """Say what is wrong (with the value) and, in `hint`, what to type next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message alone; doors print the hint on a line of its own."""
        return self.message


class Invalid(BucleError):  # noqa: N818 - named by what the caller can do, not by suffix
    """The input is wrong: fix it and call again."""


class NotFound(BucleError):  # noqa: N818 - see Invalid
    """The thing that was named does not exist."""


class Conflict(BucleError):  # noqa: N818 - see Invalid
    """Somebody else changed it first: read again and retry."""


class Denied(BucleError):  # noqa: N818 - see Invalid
    """The principal may not do this: ask for a grant."""


class Refused(BucleError):  # noqa: N818 - see Invalid
    """A gate, a budget or a check said no; `because` carries its verdicts."""

    def __init__(self, message: str, *, because: "Sequence[Verdict]" = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.because = tuple(because)


class Unavailable(BucleError):  # noqa: N818 - see Invalid
    """Something outside did not answer: try later."""


class NotInstalled(BucleError):  # noqa: N818 - see Invalid
    """An optional package is missing; the hint is the command that installs it."""


# error class -> (HTTP status, exit code).  Exit code 1 is kept for bugs and 2 for the
# command line's own usage errors, as click has it.
STATUS: dict[type[BucleError], tuple[int, int]] = {
    Invalid: (400, 3),
    Denied: (403, 4),
    NotFound: (404, 5),
    Conflict: (409, 6),
    Refused: (422, 7),
    NotInstalled: (501, 8),
    Unavailable: (503, 9),
}
