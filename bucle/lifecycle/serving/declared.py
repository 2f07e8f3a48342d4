"""What a deployment may declare besides its model: gates, trials, and who answers in need."""

from typing import Literal

import msgspec

from bucle.lifecycle.registry import Field

UNSET, UnsetType = msgspec.UNSET, msgspec.UnsetType


class RolloutGates(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a new version is held against beside errors, latency and the metric."""

    max_drift: float | None = None  # of its predictions from the champion's; None: not looked at
    measure: Literal["psi", "ks"] = "psi"  # of that drift
    # How much more a case may cost than with the champion, in the charter's unit; None: as above.
    max_cost_rise: float | None = None
    watch: str = ""  # how long a new champion is watched, to go back by itself; "": not


class Trial(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How versions compete (`kind: ab` and `kind: bandit`), and when that ends."""

    alpha: float = 0.05  # ab: how often, at most, equal versions are told apart
    min_effect: float = 0.0  # ab: the least difference of the metric that matters
    max_duration: str = "30d"  # then the champion stays
    floor: float = 0.05  # bandit: the least share of each version
    certainty: float = 0.95  # bandit: the probability of being the best that ends it
    low: float = 0.0  # bandit: the least value of one row's outcome ...
    high: float = 1.0  # ... and the greatest


class Fallback(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What answers when no model may or can: a rule over the columns, or always the same."""

    rule: str = ""  # `amount > 900`; "": there is a constant
    constant: float | str | bool | None = None  # None: there is a rule
    on_error: bool = False  # also where a model fails or can not be loaded, not only when killed


class BatchPolicy(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How requests to one variant go to the model together."""

    max_rows: int = 1024  # of several requests; 1: a model whose rows must not meet
    max_wait_ms: float = 0.0  # for company; 0: only what is there already goes together


class PlannedFallback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model server needs, to answer by a fallback without any package."""

    rule: str = ""
    constant: float | str | bool | None = None  # None: there is a rule
    on_error: bool = False
    inputs: tuple[Field, ...]  # of the model that it stands in for
    output: Field  # its prediction
    classes: tuple[str | int | bool, ...] = ()  # false and true of a rule; (): numbers
