"""What is searched, within which budget, and what was found."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.tracking import Scalar

Direction = Literal["minimize", "maximize"]
TrialStatus = Literal["running", "finished", "pruned", "failed", "killed"]


class Float(msgspec.Struct, frozen=True, tag="float"):
    """A real number between two limits, both included."""

    low: float
    high: float
    log: bool = False  # every order of magnitude is tried as often
    step: float | None = None  # None: any number between the limits


class Int(msgspec.Struct, frozen=True, tag="int"):
    """A whole number between two limits, both included."""

    low: int
    high: int
    log: bool = False
    step: int = 1


class Choice(msgspec.Struct, frozen=True, tag="choice"):
    """One of some values that have no order."""

    options: tuple[Scalar, ...]


Dimension = Float | Int | Choice


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched: dimensions by name, for one algorithm or for each of several."""

    dimensions: dict[str, Dimension] = {}  # whatever the algorithm
    algorithms: dict[str, dict[str, Dimension]] = {}  # {}: there is no choice of algorithm


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How to search, and how long.

    A study of a name goes on where it stopped, up to `trials` in all.  The same seed asks for
    the same trials, interrupted or not, as long as there is one worker.
    """

    direction: Direction = "minimize"
    trials: int = 20
    seconds: float | None = None  # None: until the trials are done; else no new trial after it
    seed: int = 0
    workers: int = 1  # threads: libraries that compute outside of Python run side by side
    name: str = ""  # "": the run's own study, or a new one where there is no run
    metric: str = "value"  # what the objective's value is called in the trials' runs
    experiment: str = ""  # "": that of the run, or `default`
    first: tuple[dict[str, Scalar], ...] = ()  # tried before anything else, such as the last best


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One try: its parameters, its run, and what came of it."""

    number: int
    run: Ref
    status: TrialStatus
    params: dict[str, Scalar]
    value: float | None = None  # None: it did not finish
    reports: tuple[tuple[int, float], ...] = ()  # (step, value) of what was reported on the way
    error: str = ""


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A search, its trials and the best of them."""

    ref: Ref
    direction: Direction
    metric: str
    space: Space
    seed: int
    run: Ref | None  # None: it was not part of a run
    status: Literal["running", "finished", "failed"]
    started_at: datetime
    started_by: str
    trials: tuple[Trial, ...] = ()

    @property
    def best_trial(self) -> Trial | None:
        """The first of the best trials; None while none has finished."""
        done = [trial for trial in self.trials if trial.value is not None]
        sign = 1 if self.direction == "minimize" else -1
        return min(
            done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None
        )


class StudyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    study: Ref
    params: dict[str, Scalar]
    value: float
    run: Ref  # of the best trial
    trials: tuple[Trial, ...]
