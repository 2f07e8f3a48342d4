"""A stream of card payments, made from a seed: customers, terminals, habits and thieves.

Nothing here is real, and nothing is random but through the seed.  Each payment carries what a
payment system knows at that moment: itself, its customer's and its terminal's recent past, and
the frauds that were reported by then (a fraud becomes known seven days late).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

LABEL_DELAY_DAYS = 7
REVIEW_COST = 6.0  # of holding one payment and asking its customer
FEATURES = (
    "amount",
    "hour",
    "weekday",
    "distance_km",
    "amount_percent",
    "customer_mean_7d",
    "customer_count_1d",
    "terminal_count_7d",
    "terminal_fraud_permille",
    "terminal_age_days",
)
PATTERNS = ("", "large amount", "compromised terminal", "stolen card", "night on new terminals")

_DAY_S = 86_400
_CITY_KM = 60.0
_OLD_TERMINAL_DAYS = 120
_YOUNG_DAYS = 20
_PRIOR_COUNT, _PRIOR_SHARE = 6.0, 0.02
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
        columns = _with_history(_made(plan))
        self.columns = columns
        self.seconds = columns["seconds"]
        self.fraud = columns["pattern"] > 0

    def between(self, first_day: int, until_day: int) -> slice:
        """Return the places of the payments of some days."""
        bounds = np.searchsorted(self.seconds, (first_day * _DAY_S, until_day * _DAY_S))
        return slice(int(bounds[0]), int(bounds[1]))

    def rows(self, places: slice) -> list[dict[str, float | int]]:
        """Return payments as the model is asked about them."""
        some = {name: self.columns[name][places].tolist() for name in FEATURES}
        return [
            dict(zip(FEATURES, values, strict=True)) for values in zip(*some.values(), strict=True)
        ]

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


def _with_history(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add what was known of the customer and the terminal before each payment."""
    seconds, amount = columns["seconds"], columns["amount"]
    fraud = (columns["pattern"] > 0).astype(float)
    customer = _Past(columns["customer"], seconds)
    terminal = _Past(columns["terminal"], seconds)
    week, month, delay = 7 * _DAY_S, 28 * _DAY_S, LABEL_DELAY_DAYS * _DAY_S
    payments, spent = customer.sums(amount, week, 0.0)
    often, usual = customer.sums(amount, month, 0.0)
    mean = np.where(often > 0, usual / np.maximum(often, 1), np.median(amount[:200]))
    columns["customer_mean_7d"] = _whole(
        np.where(payments > 0, spent / np.maximum(payments, 1), mean)
    )
    columns["amount_percent"] = _whole(100 * amount / np.maximum(mean, 1.0))
    columns["customer_count_1d"] = customer.sums(amount, _DAY_S, 0.0)[0].astype(np.int64)
    columns["terminal_count_7d"] = terminal.sums(amount, week, 0.0)[0].astype(np.int64)
    known, bad = terminal.sums(fraud, month + delay, delay)
    share = (bad + _PRIOR_COUNT * _PRIOR_SHARE) / (known + _PRIOR_COUNT)
    columns["terminal_fraud_permille"] = _whole(1000 * share)
    return columns


def _whole(values: np.ndarray) -> np.ndarray:
    """Round: whole numbers are the same in every precision, whatever serves the model."""
    return np.round(values).astype(np.int64)


class _Past:
    """Counts and sums over what came before, by customer or terminal, all rows at once."""

    def __init__(self, group: np.ndarray, seconds: np.ndarray) -> None:
        span = float(seconds[-1]) + 400 * _DAY_S
        self._order = np.lexsort((seconds, group))
        self._group = group[self._order] * span
        self._keys = self._group + seconds[self._order]
        self._first = np.searchsorted(self._keys, self._group)

    def sums(
        self, values: np.ndarray, since_s: float, until_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return count and sum of the rows from `since_s` ago until `until_s` ago, itself not."""
        running = np.concatenate([[0.0], np.cumsum(values[self._order])])
        low = np.maximum(np.searchsorted(self._keys, self._keys - since_s), self._first)
        high = np.maximum(np.searchsorted(self._keys, self._keys - until_s), self._first)
        count, total = np.empty(len(values)), np.empty(len(values))
        count[self._order] = high - low
        total[self._order] = running[high] - running[low]
        return count, total
