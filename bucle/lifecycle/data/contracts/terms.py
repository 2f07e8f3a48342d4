"""Compare the terms of contracts, and judge what was delivered by them.  Pure."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from bucle.base.errors import Invalid, Refused
from bucle.base.quantity import parse_duration
from bucle.base.verdict import Verdict
from bucle.lifecycle.data.contracts.records import Delivery, Level, Terms
from bucle.lifecycle.data.records import Column

_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_LEVELS: tuple[Level, ...] = ("", "patch", "minor", "major")
FIRST = "1.0.0"


def check_terms(terms: Terms) -> None:
    """Refuse terms that promise nothing, or that nobody could judge.

    Raises:
        Invalid: with the value and what to write instead.
    """
    if not (terms.columns or terms.expectations or terms.fresh_within or terms.per):
        raise Invalid(
            "the contract promises nothing",
            hint="give columns, expectations, fresh_within, or min_rows and per",
        )
    for name, text in (("fresh_within", terms.fresh_within), ("per", terms.per)):
        if text and parse_duration(text) <= timedelta(0):
            raise Invalid(f"{name} is {text!r}", hint="write for example 1d")
    if terms.notice:
        parse_duration(terms.notice)
    given = terms.min_rows is not None or terms.max_rows is not None
    if given != bool(terms.per):
        raise Invalid(
            "a number of rows needs its period, and a period its number of rows",
            hint="--terms.min-rows 1000 --terms.per 1d",
        )
    low, high = terms.min_rows or 0, terms.max_rows
    if low < 0 or (high is not None and high < low):
        raise Invalid(f"from {low} to {high} rows is no range", hint="give min_rows <= max_rows")
    names = [column.name for column in terms.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise Invalid(f"the contract has the column {twice[0]!r} twice", hint="name it once")
    if code := [each.python.function for each in terms.expectations if each.python]:
        raise Invalid(
            f"a contract runs no Python, such as {code[0]}",
            hint="declare it of the dataset; in a contract write sql",
        )
    if any(each.action == "quarantine" for each in terms.expectations):
        raise Invalid(
            "a contract sets no rows apart",
            hint="declare that of the dataset; in a contract write action: fail or warn",
        )


def change_between(before: Terms, after: Terms) -> Level:
    """Tell what a change does to those who use the data: takes away, adds, or neither."""
    if _takes_away(before, after):
        return "major"
    if _takes_away(after, before):
        return "minor"
    return "patch" if before != after else ""


def _takes_away(before: Terms, after: Terms) -> bool:
    columns = {column.name: column for column in after.columns}
    kept = all(_holds(column, columns.get(column.name)) for column in before.columns)
    expected = all(each in after.expectations for each in before.expectations)
    return not (
        kept
        and expected
        and _no_longer(before.fresh_within, after.fresh_within)
        and _as_many(before, after)
    )


def _holds(before: Column, after: Column | None) -> bool:
    """Tell whether a column is promised as it was, or with a value where it might lack one."""
    if after is None or after.type != before.type:
        return False
    return before.nullable or not after.nullable


def _no_longer(before: str, after: str) -> bool:
    if not before:
        return True
    return bool(after) and parse_duration(after) <= parse_duration(before)


def _as_many(before: Terms, after: Terms) -> bool:
    if not before.per:
        return True
    if not after.per or parse_duration(after.per) != parse_duration(before.per):
        return False
    low = (after.min_rows or 0) >= (before.min_rows or 0)
    high = before.max_rows is None or (
        after.max_rows is not None and after.max_rows <= before.max_rows
    )
    return low and high


def next_version(before: str, level: Level, wanted: str = "") -> str:
    """Return the version of a change; the wanted one, if it says as much as the change does.

    Raises:
        Invalid: the wanted one is no version.
        Refused: it is not above the one before, or hides what is taken away.
    """
    if not before:
        if wanted:
            _figures(wanted)
        return wanted or FIRST
    old = _figures(before)
    place = 3 - max(_LEVELS.index(level), 1)
    least = (*old[:place], old[place] + 1, *[0] * (2 - place))
    if not wanted:
        return ".".join(map(str, least))
    new = _figures(wanted)
    if new < least:
        why = {"major": "takes something away", "minor": "promises more"}.get(level, "is a change")
        raise Refused(
            f"version {wanted} after {before}: what is proposed {why}",
            hint=f"write at least {'.'.join(map(str, least))}",
        )
    return wanted


def _figures(text: str) -> tuple[int, ...]:
    found = _VERSION.fullmatch(text)
    if not found:
        raise Invalid(f"{text!r} is not a semantic version", hint="write for example 1.2.0")
    return tuple(map(int, found.groups()))


def effective_from(
    before: Terms | None, level: Level, *, proposed_at: datetime, now: datetime
) -> datetime:
    """Return when an accepted contract takes force: what takes away waits for the notice."""
    if before is None or level != "major" or not before.notice:
        return now
    return max(now, proposed_at + parse_duration(before.notice))


def judge_schema(terms: Terms, columns: Sequence[Column]) -> tuple[Verdict, ...]:
    """Judge the columns of a version: one verdict per column that was promised."""
    there = {column.name: column for column in columns}
    return tuple(_judge_column(column, there.get(column.name)) for column in terms.columns)


def _judge_column(wanted: Column, found: Column | None) -> Verdict:
    note = ""
    if found is None:
        note = "it is not there"
    elif found.type != wanted.type:
        note = f"it is {found.type}, and {wanted.type} was promised"
    elif found.nullable and not wanted.nullable:
        note = "values are missing, and none may"
    return Verdict(name=f"column {wanted.name}", ok=not note, note=note)


def judge_volume(
    terms: Terms, deliveries: Sequence[Delivery], *, since: datetime, now: datetime
) -> Verdict | None:
    """Judge the rows that came in the period that goes on and in the one before.

    Periods are counted from when the contract took force.  Too many rows are seen at once, too few
    when their period is over; a new period that has enough already makes up for it.

    Returns:
        None where no number of rows was promised.
    """
    if not terms.per:
        return None
    step = parse_duration(terms.per)
    begun = since + max((now - since) // step, 0) * step
    this = _rows(deliveries, begun, now + timedelta(microseconds=1))
    low, high = terms.min_rows or 0, terms.max_rows
    if high is not None and this > high:
        note = f"{this} rows came since {begun:%Y-%m-%d %H:%M}; at most {high} per {terms.per}"
        return Verdict(name="volume", ok=False, value=this, limit=high, note=note)
    last = _rows(deliveries, begun - step, begun)
    if begun - step >= since and last < low and this < low:
        note = f"{last} rows came until {begun:%Y-%m-%d %H:%M}; at least {low} per {terms.per}"
        return Verdict(name="volume", ok=False, value=last, limit=low, note=note)
    return Verdict(name="volume", ok=True, value=this, note=f"{this} rows came in this period")


def _rows(deliveries: Sequence[Delivery], start: datetime, end: datetime) -> int:
    return sum(each.rows for each in deliveries if start <= each.at < end)
