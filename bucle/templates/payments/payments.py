"""A stream of card payments, made from a seed: customers, terminals, habits and thieves.

Nothing here is real, and nothing is random but through the seed.  A payment says itself only:
what is known of its customer's and its terminal's past are the feature views of `features.py`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

LABEL_DELAY_DAYS = 7
REVIEW_COST = 6.0  # of holding one payment and asking its customer
# What a payment says of itself, when the model is asked about it.
SAID = (
    "customer",
    "terminal",
    "amount",
    "hour",
    "weekday",
    "distance_km",
    "terminal_age_days",
)
PATTERNS = ("", "large amount", "compromised terminal", "stolen card", "night on new terminals")

_DAY_S = 86_400
_CITY_KM = 60.0
_OLD_TERMINAL_DAYS = 120
_YOUNG_DAYS = 20
_NIGHT_SHARE = 0.06  # of honest payments
_SKIMMED_SHARE = 0.5  # of what is paid at a compromised terminal
_STOLEN_SHARE = 0.4  # of what is paid with a stolen card


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the town is, and what happens in it when (days since the start)."""

    days: int = 84
    seed: int = 7
    customers: int = 360
    terminals: int = 240
    payments_per_day: int = 450
    new_pattern_from: int = 45  # the fourth pattern appears, which nobody has seen before
    season_from: int = 63  # people spend more, and farther from home


class Payments:
    """All payments of a plan, in the order of time, as columns."""

    def __init__(self, plan: Plan, start: datetime) -> None:
        self.plan = plan
        self.start = start.astimezone(UTC)
        columns = _made(plan)
        self.columns = columns
        self.seconds = columns["seconds"]
        self.fraud = columns["pattern"] > 0

    def between(self, first_day: int, until_day: int) -> slice:
        """Return the places of the payments of some days."""
        bounds = np.searchsorted(self.seconds, (first_day * _DAY_S, until_day * _DAY_S))
        return slice(int(bounds[0]), int(bounds[1]))

    def rows(self, places: slice) -> list[dict[str, float | int]]:
        """Return payments as the model is asked about them."""
        some = {name: self.columns[name][places].tolist() for name in SAID}
        return [dict(zip(SAID, values, strict=True)) for values in zip(*some.values(), strict=True)]

    def moments(self, places: slice) -> np.ndarray:
        """Return when the payments were made (UTC, microseconds)."""
        start = np.datetime64(self.start.replace(tzinfo=None), "us")
        return start + (self.seconds[places] * 1e6).astype("timedelta64[us]")


def _made(plan: Plan) -> dict[str, np.ndarray]:
    """Make honest payments, turn some of them bad, and add what thieves make on their own."""
    rng = np.random.default_rng(plan.seed)
    home = rng.uniform(0, _CITY_KM, (plan.customers, 2))
    place = rng.uniform(0, _CITY_KM, (plan.terminals, 2))
    usual = rng.lognormal(3.6, 0.45, plan.customers)
    # Two in three terminals were there before; the others open one after the other.
    opened = np.full(plan.terminals, -_OLD_TERMINAL_DAYS)
    late = plan.terminals // 3
    opened[-late:] = np.sort(rng.integers(-_YOUNG_DAYS, plan.days, late))
    near = np.argsort(np.linalg.norm(home[:, None] - place[None], axis=2), axis=1)

    honest = _honest(plan, rng, near, usual, opened)
    _compromise_terminals(plan, rng, honest)
    _steal_cards(plan, rng, honest, opened)
    thieves = [_large_amounts(plan, rng, opened), _at_night(plan, rng, opened)]
    columns = {name: np.concatenate([part[name] for part in (honest, *thieves)]) for name in honest}
    order = np.argsort(columns["seconds"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    away = home[columns["customer"]] - place[columns["terminal"]]
    columns["distance_km"] = _whole(np.linalg.norm(away, axis=1))
    days = columns["seconds"] / _DAY_S
    age = days - opened[columns["terminal"]]
    columns["terminal_age_days"] = np.clip(age, 0, _OLD_TERMINAL_DAYS).astype(np.int64)
    columns["amount"] = _whole(np.maximum(columns["amount"], 1))
    columns["hour"] = (columns["seconds"] % _DAY_S // 3600).astype(np.int64)
    columns["weekday"] = (days.astype(np.int64)) % 7
    return columns


def _honest(
    plan: Plan,
    rng: np.random.Generator,
    near: np.ndarray,
    usual: np.ndarray,
    opened: np.ndarray,
) -> dict[str, np.ndarray]:
    """Make what people pay: mostly by day, mostly near home, mostly their usual amounts."""
    count = rng.poisson(plan.payments_per_day, plan.days)
    day = np.repeat(np.arange(plan.days), count)
    total = len(day)
    eager = rng.gamma(2.0, 1.0, plan.customers)
    customer = rng.choice(plan.customers, total, p=eager / eager.sum())
    season = day >= plan.season_from
    nth = np.minimum(rng.geometric(np.where(season, 0.05, 0.12)) - 1, plan.terminals - 1)
    terminal = near[customer, nth]
    closed = opened[terminal] > day
    terminal[closed] = near[customer[closed], 0]
    closed = opened[terminal] > day
    terminal[closed] = rng.integers(0, plan.terminals // 2, int(closed.sum()))
    amount = usual[customer] * rng.lognormal(0.0, 0.5, total) * np.where(season, 1.9, 1.0)
    hour = np.where(
        rng.random(total) < _NIGHT_SHARE,
        rng.uniform(0, 6, total),
        np.clip(rng.normal(14, 4, total), 0, 23.9),
    )
    return {
        "seconds": day * _DAY_S + hour * 3600,
        "customer": customer,
        "terminal": terminal,
        "amount": amount,
        "pattern": np.zeros(total, np.int64),
    }


def _compromise_terminals(
    plan: Plan, rng: np.random.Generator, columns: dict[str, np.ndarray]
) -> None:
    """Skim cards at a terminal for three weeks: half of what is paid there is a thief's."""
    day = columns["seconds"] // _DAY_S
    for first in range(-14, plan.days, 4):
        terminal = rng.integers(0, plan.terminals // 2)
        there = (columns["terminal"] == terminal) & (day >= first) & (day < first + 21)
        bad = there & (rng.random(len(day)) < _SKIMMED_SHARE)
        columns["pattern"][bad] = 2
        columns["amount"][bad] *= 1.6


def _steal_cards(
    plan: Plan, rng: np.random.Generator, columns: dict[str, np.ndarray], opened: np.ndarray
) -> None:
    """Steal cards for ten days: higher amounts, far from home."""
    day = columns["seconds"] // _DAY_S
    for first in range(-9, plan.days):
        for customer in rng.choice(plan.customers, 2, replace=False):
            theirs = (columns["customer"] == customer) & (day >= first) & (day < first + 10)
            bad = np.flatnonzero(theirs & (rng.random(len(day)) < _STOLEN_SHARE))
            columns["pattern"][bad] = 3
            columns["amount"][bad] *= rng.uniform(2.5, 5.0, len(bad))
            columns["terminal"][bad] = rng.choice(np.flatnonzero(opened < 0), len(bad))


def _large_amounts(
    plan: Plan, rng: np.random.Generator, opened: np.ndarray
) -> dict[str, np.ndarray]:
    """Buy something large with a card's number, anywhere, at any time of the day."""
    count = rng.poisson(5, plan.days)
    day = np.repeat(np.arange(plan.days), count)
    total = len(day)
    return {
        "seconds": day * _DAY_S + rng.uniform(8, 24, total) * 3600,
        "customer": rng.integers(0, plan.customers, total),
        "terminal": rng.choice(np.flatnonzero(opened < 0), total),
        "amount": rng.lognormal(5.5, 0.35, total),
        "pattern": np.full(total, 1),
    }


def _at_night(plan: Plan, rng: np.random.Generator, opened: np.ndarray) -> dict[str, np.ndarray]:
    """Take modest amounts at night, through terminals that thieves have just opened."""
    days = np.arange(plan.new_pattern_from, plan.days)
    day = np.repeat(days, rng.poisson(38, len(days)))
    total = len(day)
    terminal = np.empty(total, np.int64)
    for one in days:
        young = np.flatnonzero((opened <= one) & (opened > one - _YOUNG_DAYS))
        known = young if len(young) else np.array([plan.terminals - 1])
        terminal[day == one] = rng.choice(known, int((day == one).sum()))
    return {
        "seconds": day * _DAY_S + rng.uniform(0, 5, total) * 3600,
        "customer": rng.integers(0, plan.customers, total),
        "terminal": terminal,
        "amount": rng.uniform(25, 75, total),
        "pattern": np.full(total, 4),
    }


def _whole(values: np.ndarray) -> np.ndarray:
    """Round: whole numbers are the same in every precision, whatever serves the model."""
    return np.round(values).astype(np.int64)
