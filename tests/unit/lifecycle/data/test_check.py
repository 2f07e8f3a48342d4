from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.drivers.engine import Engine, open_engine
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    CheckReport,
    DatasetSpec,
    Expectation,
    check_table,
    check_version,
    commit_table,
    declare,
)

NOW = datetime(2026, 1, 3, tzinfo=UTC)
TABLE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "share": [0.5, float("nan"), 1.5, None],
        "city": ["Ulm", "Bonn", "", None],
        "at": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 1, 2, 2)],
        "same": [7, 7, 7, None],
    }
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine("duckdb:?threads=1")


def judge(engine: Engine, *expectations: Expectation, **spec: object) -> CheckReport:
    declared = DatasetSpec(name="trips", expectations=expectations, **spec)  # type: ignore[arg-type]
    types = {field.name: field.type for field in TABLE.schema}
    return check_table(engine, TABLE, spec=declared, types=types, now=NOW)


# (expectation, the value that its verdict has, whether it holds)
CASES = [
    (Expectation(column="share", not_null=True), 2, False),
    (Expectation(column="id", not_null=True), 0, True),
    (Expectation(column="share", max=1), 2, False),  # a NaN is in no range
    (Expectation(column="share", min=0.5), 1, False),
    (Expectation(column="id", min=1, max=4), 0, True),
    (Expectation(column="id", min=2, tolerance=0.25), 1, True),
    (Expectation(column="id", min=2, tolerance=0.2), 1, False),
    (Expectation(column="at", min="2026-01-02"), 2, False),
    (Expectation(column="city", among=("Ulm", "Bonn")), 1, False),
    (Expectation(column="id", among=(1, 2, 3, 4)), 0, True),
    (Expectation(column="city", regex="[A-Z].*"), 1, False),
    (Expectation(column="city", unique=True), 0, True),
    (Expectation(column="same", unique=True), 2, False),
    (Expectation(min_rows=4), 4, True),
    (Expectation(min_rows=5), 4, False),
    (Expectation(max_rows=3), 4, False),
    (Expectation(column="at", fresh_within="1d"), 86400, True),
    (Expectation(column="at", fresh_within="23h"), 86400, False),
    (Expectation(sql="id > 0"), 0, True),
    (Expectation(sql="share > 0"), 1, False),  # unknown is not true
    (Expectation(sql="SELECT count(*) FROM dataset WHERE id > 2"), 2, False),
    (Expectation(sql="SELECT avg(id) < 3 FROM dataset"), 0, True),
    (Expectation(sql="SELECT avg(id) > 3 FROM dataset"), 1, False),
    (Expectation(sql="SELECT NULL"), None, False),
]


@pytest.mark.parametrize(("expectation", "value", "ok"), CASES)
def test_an_expectation_counts_what_breaks_it(
    engine: Engine, expectation: Expectation, value: float | None, *, ok: bool
) -> None:
    report = judge(engine, expectation)
    assert [verdict.ok for verdict in report.verdicts if not verdict.ok] == [] if ok else [False]
    assert report.verdicts[0].value == value or len(report.verdicts) == 2
    assert report.ok is ok


def test_a_type_is_compared_in_arrows_words(engine: Engine) -> None:
    report = judge(
        engine, Expectation(column="id", type="int64"), Expectation(column="id", type="string")
    )
    assert [(verdict.ok, verdict.note) for verdict in report.verdicts] == [
        (True, "int64"),
        (False, "int64"),
    ]


def test_an_expectation_has_the_name_it_was_given(engine: Engine) -> None:
    report = judge(engine, Expectation(sql="id > 0", name="ids are positive"))
    assert report.verdicts[0].name == "ids are positive"


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (Expectation(column="ids", not_null=True), "the column 'ids', which is not there"),
        (Expectation(sql="ids > 0"), "'ids > 0' can not be executed"),
        (Expectation(sql="id > "), "can not be executed"),
        (Expectation(column="city", min=3), "can not be executed"),
        (Expectation(column="id", regex="a+"), "can not be executed"),
        (Expectation(sql="SELECT id FROM dataset"), "can not be executed"),
    ],
)
def test_what_can_not_be_executed_is_an_error_and_never_a_pass(
    engine: Engine, expectation: Expectation, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        judge(engine, Expectation(column="id", min=0), expectation)


def test_bad_rows_are_shown_with_their_row_and_key(engine: Engine) -> None:
    report = judge(engine, Expectation(column="share", max=1), key=("id",))
    assert report.samples == (
        "share <= 1: row 2: id=2, share=nan",
        "share <= 1: row 3: id=3, share=1.5",
    )


def test_a_key_and_a_time_must_be_columns_of_the_right_kind(engine: Engine) -> None:
    with pytest.raises(Invalid, match="the key of dataset:trips is on the column 'no'"):
        judge(engine, key=("no",))
    with pytest.raises(Invalid, match="'city', is string"):
        judge(engine, time="city")


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (Expectation(column="a"), "expects nothing"),
        (Expectation(min=3), "names no column"),
        (Expectation(column="a", regex="("), "is no pattern"),
        (Expectation(column="a", min=0, tolerance=1.0), "tolerates"),
        (Expectation(column="a", fresh_within="soon"), "not a duration"),
    ],
)
def test_an_expectation_without_sense_is_refused_when_it_is_declared(
    session: Session, expectation: Expectation, said: str
) -> None:
    with session.begin() as scope, pytest.raises(Invalid, match=said):
        declare(scope, DatasetSpec(name="trips", expectations=(expectation,)))


def test_a_version_that_is_there_can_be_judged_by_what_is_declared_now(session: Session) -> None:
    commit_table(session, "trips", TABLE)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", expectations=(Expectation(column="id", max=3),)))
    report = check_version(session, "trips")
    assert (report.ok, report.rows) == (False, 4)
    assert report.samples == ("id <= 3: row 4: id=4",)


def test_freshness_is_judged_by_the_clock_of_the_house(session: Session) -> None:
    fresh = Expectation(column="at", fresh_within="2d")
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", expectations=(fresh,)))
    commit_table(session, "trips", TABLE)
    session.drivers.clock.advance(timedelta(days=9))  # type: ignore[attr-defined]
    assert not check_version(session, "trips").ok
