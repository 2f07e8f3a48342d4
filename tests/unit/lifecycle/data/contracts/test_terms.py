from datetime import UTC, datetime, timedelta

import pytest

from bucle.base.errors import Invalid, Refused
from bucle.base.refs import Ref
from bucle.lifecycle.data import Column, Expectation
from bucle.lifecycle.data.contracts.records import Delivery, Terms
from bucle.lifecycle.data.contracts.terms import (
    change_between,
    check_terms,
    effective_from,
    judge_schema,
    judge_volume,
    next_version,
)

ID = Column(name="id", type="int64", nullable=False)
FARE = Column(name="fare", type="double")
RULE = Expectation(column="fare", min=0)
NOW = datetime(2026, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
FULL = Terms(columns=(ID, FARE), expectations=(RULE,), fresh_within="1d", min_rows=10,
             max_rows=100, per="1d", notice="7d")  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (FULL, FULL, ""),
        (Terms(columns=(ID, FARE)), Terms(columns=(ID,)), "major"),
        (Terms(columns=(ID,)), Terms(columns=(ID, FARE)), "minor"),
        (Terms(columns=(FARE,)), Terms(columns=(Column(name="fare", type="string"),)), "major"),
        (Terms(columns=(ID,)), Terms(columns=(Column(name="id", type="int64"),)), "major"),
        (Terms(columns=(Column(name="id", type="int64"),)), Terms(columns=(ID,)), "minor"),
        (Terms(expectations=(RULE,)), Terms(fresh_within="1d"), "major"),
        (Terms(fresh_within="1d"), Terms(fresh_within="2d"), "major"),
        (Terms(fresh_within="1d"), Terms(fresh_within="24h"), "patch"),
        (Terms(fresh_within="1d"), Terms(fresh_within="6h"), "minor"),
        (Terms(fresh_within="1d"), Terms(fresh_within="1d", notice="7d"), "patch"),
        (Terms(min_rows=10, per="1d"), Terms(min_rows=5, per="1d"), "major"),
        (Terms(min_rows=10, per="1d"), Terms(min_rows=20, per="1d"), "minor"),
        (Terms(min_rows=10, per="1d"), Terms(min_rows=70, per="7d"), "major"),
        (Terms(max_rows=10, per="1d"), Terms(max_rows=20, per="1d"), "major"),
    ],
)
def test_a_change_takes_away_or_adds_or_neither(before, after, level) -> None:
    assert change_between(before, after) == level


@pytest.mark.parametrize(
    ("before", "level", "wanted", "version"),
    [
        ("", "", "", "1.0.0"), ("", "", "0.3.0", "0.3.0"), ("1.2.3", "major", "", "2.0.0"),
        ("1.2.3", "minor", "", "1.3.0"), ("1.2.3", "patch", "", "1.2.4"),
        ("1.2.3", "", "", "1.2.4"), ("1.2.3", "minor", "2.0.0", "2.0.0"),
    ],
)  # fmt: skip
def test_a_version_says_what_the_change_does(before, level, wanted, version) -> None:
    assert next_version(before, level, wanted) == version


@pytest.mark.parametrize(("wanted", "error"), [("1.2.4", Refused), ("1.3.0", Refused),
                                               ("two", Invalid), ("1.2", Invalid)])  # fmt: skip
def test_a_version_that_hides_what_is_taken_away_is_refused(wanted, error) -> None:
    with pytest.raises(error):
        next_version("1.2.3", "major", wanted)


@pytest.mark.parametrize("terms", [
    Terms(), Terms(notice="7d"), Terms(min_rows=3), Terms(per="1d"), Terms(fresh_within="0s"),
    Terms(min_rows=5, max_rows=3, per="1d"), Terms(columns=(ID, ID)),
    Terms(fresh_within="1d", notice="soon"),
    Terms(expectations=(Expectation(column="a", min=0, action="quarantine"),)),
])  # fmt: skip
def test_terms_that_promise_nothing_or_nothing_to_judge_are_refused(terms) -> None:
    with pytest.raises(Invalid):
        check_terms(terms)


def test_what_takes_away_waits_for_the_notice_from_when_it_was_proposed() -> None:
    asked = NOW - 2 * DAY
    assert effective_from(FULL, "major", proposed_at=asked, now=NOW) == asked + 7 * DAY
    assert effective_from(FULL, "minor", proposed_at=asked, now=NOW) == NOW
    assert effective_from(None, "", proposed_at=asked, now=NOW) == NOW
    assert effective_from(FULL, "major", proposed_at=NOW - 9 * DAY, now=NOW) == NOW


@pytest.mark.parametrize(("columns", "notes"), [
    ((ID, FARE, Column(name="more", type="string")), []),
    ((ID,), ["it is not there"]),
    ((Column(name="id", type="int64"), FARE), ["values are missing, and none may"]),
    ((ID, Column(name="fare", type="string")), ["it is string, and double was promised"]),
])  # fmt: skip
def test_columns_are_judged_by_name_type_and_missing_values(columns, notes) -> None:
    found = judge_schema(FULL, columns)
    assert [one.note for one in found if not one.ok] == notes


def _came(*days_and_rows: tuple[float, int]) -> list[Delivery]:
    return [Delivery(version=Ref("dataset", "trips", place), contract=Ref("contract", "trips", 1),
                     at=NOW + day * DAY, by="feed", rows=rows, ok=True, verdicts=())
            for place, (day, rows) in enumerate(days_and_rows)]  # fmt: skip


@pytest.mark.parametrize(
    ("came", "now", "ok"),
    [
        ([], 0.5, True),  # the first period goes on
        ([], 1.5, False),
        ([(0.2, 4), (0.7, 6)], 1.5, True),
        ([(0.2, 4)], 1.5, False),
        ([(0.2, 4), (1.2, 10)], 1.5, True),  # the new period makes up for it
        ([(0.2, 101)], 0.5, False),
        ([(0.2, 101)], 1.5, True),  # that is over
        ([(1.0, 12)], 2.5, True),  # the beginning of a period is of it
        ([(0.2, 12)], 2.5, False),
    ],
)
def test_rows_are_counted_in_the_period_that_goes_on_and_the_one_before(came, now, ok) -> None:
    found = judge_volume(FULL, _came(*came), since=NOW, now=NOW + now * DAY)
    assert found.ok is ok


def test_without_a_promise_of_rows_none_are_counted() -> None:
    assert judge_volume(Terms(fresh_within="1d"), [], since=NOW, now=NOW) is None
