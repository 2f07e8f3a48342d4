"""A request between its arrival and its answer, and what the model said to several of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.codec import Answer, Call, Column
from bucle.interfaces.predict.engines import Array

Outcome: TypeAlias = Answer | Exception
Told: TypeAlias = Callable[[Outcome], None]


class FailedPrediction(Exception):  # noqa: N818 - an outcome that is answered with status 500
    """The model failed on rows that were logged under these ids."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.message = message
        self.answer = answer


class Terms(msgspec.Struct, frozen=True):
    """What a caller says of a request beside its rows."""

    pinned: bool = False  # this very version was asked for: no other one steps in
    timeout_s: float = 0.0  # 0: the deployment's
    size_bytes: int = 0  # of the body, where that matters


class Ticket(msgspec.Struct):
    """One request to one variant; `done` is called once, then it is None."""

    served: Served
    loaded: Loaded
    call: Call
    done: Told | None
    at_s: float  # when it was asked, in seconds of the batcher's clock
    deadline_s: float
    terms: Terms
    layout: object = None  # requests of one layout can be put together
    arrays: dict[str, Array] | None = None  # checked columns; None: `call.columns` are plain lists
    begun_s: float = 0.0  # when the model got it; 0: it has not
    is_late: bool = False  # it was told so, and logged, while the model worked

    def tell(self, outcome: Outcome) -> None:
        """Give the outcome to whoever asks, unless that was done or the caller went away."""
        done, self.done = self.done, None  # also lets go of the caller: no cycle is left behind
        if done is not None:
            done(outcome)

    def forget(self) -> None:
        """The caller went away: nothing is computed for it that has not begun."""
        self.done = None


class Worked(msgspec.Struct):
    """What came of tickets whose rows went to the model together."""

    tickets: Sequence[Ticket]
    columns: Mapping[str, Column] = {}  # of all their rows, with the features that were read
    outputs: Mapping[str, Array] = {}
    error: Exception | None = None  # not None: there are no outputs
    model_s: float = 0.0
