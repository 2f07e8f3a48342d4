"""Optuna behind ask and tell: it proposes and prunes; our rows are what is kept.

Each trial's sampler is seeded by the study's seed and the trial's number, so that a search
that was interrupted asks for the same trials as one that was not.
"""

import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bucle.base.digest import digest_value
from bucle.base.errors import NotInstalled
from bucle.lifecycle.tracking import Scalar
from bucle.lifecycle.tuning.records import (
    Choice,
    Dimension,
    Direction,
    Float,
    Int,
    Space,
    Trial,
)
from bucle.lifecycle.tuning.space import ALGORITHM

if TYPE_CHECKING:
    import optuna

_SEED_DIGITS = 8


class Sampler:
    """Proposes the parameters of trials, and tells which have fallen behind; thread-safe."""

    def __init__(self, space: Space, direction: Direction, seed: int) -> None:
        self._optuna = _load()
        self._space = space
        self._seed = seed
        self._lock = threading.Lock()
        self._asked: dict[int, optuna.trial.Trial] = {}
        pruner = self._optuna.pruners.MedianPruner(n_startup_trials=5)
        self._study = self._optuna.create_study(direction=direction, pruner=pruner)

    def remember(self, trials: Sequence[Trial]) -> None:
        """Take in trials of an earlier time, in their order."""
        states = self._optuna.trial.TrialState
        kinds = {"finished": states.COMPLETE, "pruned": states.PRUNED}
        for trial in trials:
            distributions = self._distributions(trial.params)
            reports = dict(trial.reports)
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=kinds.get(trial.status, states.FAIL),
                    value=trial.value,
                    params=self._prefixed(trial.params),
                    distributions=distributions,
                    intermediate_values=reports,
                )
            )

    def ask(self, number: int, fixed: Mapping[str, Scalar] | None = None) -> dict[str, Scalar]:
        """Return the parameters of a trial; those that are fixed are taken as they are."""
        with self._lock:
            self._study.sampler = self._sampler(number)
            if fixed is not None:
                self._study.enqueue_trial(self._prefixed(fixed))
            trial = self._study.ask()
            self._asked[number] = trial
            return self._suggested(trial)

    def report(self, number: int, step: int, value: float) -> bool:
        """Take in a trial's value on its way; tell whether it should stop."""
        with self._lock:
            trial = self._asked[number]
            trial.report(value, step)
            return bool(trial.should_prune())

    def tell(self, trial: Trial) -> None:
        """Take in how a trial ended."""
        states = self._optuna.trial.TrialState
        with self._lock:
            asked = self._asked.pop(trial.number)
            if trial.status == "finished":
                self._study.tell(asked, trial.value)
            else:
                state = states.PRUNED if trial.status == "pruned" else states.FAIL
                self._study.tell(asked, state=state)

    def _sampler(self, number: int) -> Any:  # noqa: ANN401 - Optuna's sampler
        seed = int(digest_value([self._seed, number])[:_SEED_DIGITS], 16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            return self._optuna.samplers.TPESampler(
                seed=seed, multivariate=True, group=True, constant_liar=True
            )

    def _suggested(self, trial: "optuna.trial.Trial") -> dict[str, Scalar]:
        params: dict[str, Scalar] = {}
        prefix = ""
        dimensions = dict(self._space.dimensions)
        if self._space.algorithms:
            algorithm = trial.suggest_categorical(ALGORITHM, list(self._space.algorithms))
            params[ALGORITHM] = algorithm
            prefix = f"{algorithm}."
            dimensions |= self._space.algorithms[algorithm]
        for name, dimension in dimensions.items():
            own = name if name in self._space.dimensions else prefix + name
            params[name] = _suggest(trial, own, dimension)
        return params

    def _prefixed(self, params: Mapping[str, Scalar]) -> dict[str, Any]:
        """Name the parameters of an algorithm after it: two may have one of the same name."""
        plain = {ALGORITHM, *self._space.dimensions}
        prefix = f"{params[ALGORITHM]}." if self._space.algorithms else ""
        return {n if n in plain else prefix + n: value for n, value in params.items()}

    def _distributions(self, params: Mapping[str, Scalar]) -> dict[str, Any]:
        kinds = self._optuna.distributions
        dimensions: dict[str, Dimension] = dict(self._space.dimensions)
        if self._space.algorithms:
            algorithm = str(params[ALGORITHM])
            own = self._space.algorithms[algorithm]
            dimensions |= {f"{algorithm}.{name}": part for name, part in own.items()}
            dimensions[ALGORITHM] = Choice(tuple(self._space.algorithms))
        return {name: _distribution(kinds, dimensions[name]) for name in self._prefixed(params)}


def _suggest(trial: "optuna.trial.Trial", name: str, dimension: Dimension) -> Scalar:
    match dimension:
        case Float(low, high, log, step):
            return trial.suggest_float(name, low, high, log=log, step=step)
        case Int(low, high, log, step):
            return trial.suggest_int(name, low, high, log=log, step=step)
        case Choice(options):
            chosen: Scalar = trial.suggest_categorical(name, options)
            return chosen


def _distribution(kinds: Any, dimension: Dimension) -> Any:  # noqa: ANN401 - Optuna's distributions
    match dimension:
        case Float(low, high, log, step):
            return kinds.FloatDistribution(low, high, log=log, step=step)
        case Int(low, high, log, step):
            return kinds.IntDistribution(low, high, log=log, step=step)
        case Choice(options):
            return kinds.CategoricalDistribution(options)


def _load() -> Any:  # noqa: ANN401 - a library without types
    try:
        import optuna
    except ImportError as error:
        raise NotInstalled(
            "a search needs a package that is not installed (optuna)",
            hint="pip install 'bucle[tune]'",
        ) from error
    if optuna.logging.get_verbosity() == optuna.logging.INFO:  # its default: a line per trial
        optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
