from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.drivers.engine import Engine, open_engine
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    CheckReport,
    DatasetSpec,
    Expectation,
    check_table,
    check_version,
    commit_table,
    count_into,
    declare,
    get_profile,
)
from bucle.lifecycle.data.distance import psi
from bucle.lifecycle.data.propose import propose

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


def declared(session: Session, name: str, *expectations: Expectation, **spec: object) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name=name, expectations=expectations, **spec))  # type: ignore[arg-type]


def test_a_column_refers_to_another_datasets(session: Session) -> None:
    commit_table(session, "customers", pa.table({"id": [1, 2, None]}))
    declared(session, "orders", Expectation(column="customer", references="customers.id"))
    commit_table(session, "orders", pa.table({"customer": [1, 2, 2, None]}))
    with pytest.raises(Refused, match=r"customer is in customers.id: 2 of 3 rows\n.*row 2"):
        commit_table(session, "orders", pa.table({"customer": [1, 7, 8]}))
    commit_table(session, "customers", pa.table({"id": [1, 7, 8]}))
    assert commit_table(session, "orders", pa.table({"customer": [1, 7, 8]})).number == 2
    declared(session, "orders", Expectation(column="customer", references="customers@1.id"))
    assert not check_version(session, "orders").ok


def test_rows_that_refer_to_nothing_can_be_set_apart(session: Session) -> None:
    commit_table(session, "customers", pa.table({"id": [1, 2]}))
    apart = Expectation(column="customer", references="customers.id", action="quarantine")
    declared(session, "orders", apart)
    version = commit_table(session, "orders", pa.table({"customer": [1, 7, 2]}))
    assert (version.rows, version.quarantined) == (2, 1)


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (Expectation(column="n", references="nobody.id"), "dataset:nobody does not exist"),
        (Expectation(column="n", references="customers.ids"), "has no column 'ids'"),
        (Expectation(column="n", references="customers@9.id"), "customers@9 does not exist"),
        (Expectation(column="n", like="nobody@1"), "dataset:nobody does not exist"),
        (Expectation(column="n", like="customers"), "customers has no distribution of it"),
    ],
)
def test_a_comparison_with_what_is_not_there_is_an_error(
    session: Session, expectation: Expectation, said: str
) -> None:
    commit_table(session, "customers", pa.table({"id": [1]}))
    declared(session, "d", expectation)
    with pytest.raises(Invalid, match=f"can not be executed: .*{said}"):
        commit_table(session, "d", pa.table({"n": [1]}))


def test_a_reference_without_a_column_is_refused_when_it_is_declared(session: Session) -> None:
    with pytest.raises(Invalid, match="'customers' names no column"):
        declared(session, "d", Expectation(column="n", references="customers"))


def test_a_distribution_is_compared_with_that_of_a_version(session: Session) -> None:
    rng = np.random.default_rng(3)
    numbers, cities = rng.normal(size=4000), rng.choice(["Ulm", "Bonn"], 4000)
    commit_table(session, "old", pa.table({"x": numbers, "city": cities}))
    expected = [Expectation(column=name, like="old@1", max_shift=0.1) for name in ("x", "city")]
    declared(session, "new", *expected)
    near = pa.table({"x": rng.normal(size=3000), "city": rng.choice(["Ulm", "Bonn"], 3000)})
    assert all(verdict.ok for verdict in commit_table(session, "new", near).verdicts)
    far = pa.table({"x": rng.normal(1.0, size=3000), "city": ["Kiel"] * 3000})
    with pytest.raises(Refused, match="breaks 2 of 2 expectations: x is distributed as in old@1"):
        commit_table(session, "new", far)


def test_a_distance_in_the_statement_is_that_of_a_recounted_profile(session: Session) -> None:
    rng = np.random.default_rng(4)
    old = commit_table(session, "old", pa.table({"x": rng.integers(0, 500, 3000) / 7}))
    new = pa.table({"x": [*(rng.integers(100, 600, 2000) / 7), None, float("nan")]})
    declared(session, "new", Expectation(column="x", like="old@1", action="warn"))
    (verdict,) = commit_table(session, "new", new).verdicts
    profile = get_profile(session, old)
    counted = count_into(session.drivers.engine, profile, new)
    assert verdict.value == pytest.approx(psi(profile.columns[0].counts, counted.columns[0].counts))


def test_all_checks_and_the_key_are_one_statement(engine: Engine) -> None:
    class Counting:
        def __init__(self) -> None:
            self.statements = 0

        def query(self, *args: object, **kwargs: object) -> pa.Table:
            self.statements += 1
            return engine.query(*args, **kwargs)  # type: ignore[arg-type]

    counting = Counting()
    every = (Expectation(column="id", min=1), Expectation(column="id", unique=True))
    judge(counting, *every, key=("id", "at"))  # type: ignore[arg-type]
    assert counting.statements == 1


def test_a_key_of_several_columns_is_counted_exactly(engine: Engine) -> None:
    assert judge(engine, key=("id", "at")).verdicts[-1].ok
    found = judge(engine, key=("same", "at"))
    assert [(v.name, v.value) for v in found.verdicts if not v.ok] == [
        ("key same has a value", 1.0),
        ("key same, at is unique", 1.0),
    ]


def test_what_is_proposed_holds_and_is_only_what_is_not_declared(session: Session) -> None:
    rows = pa.table(
        {
            "id": range(100),
            "city": ["Ulm", "Bonn"] * 50,
            "share": [n / 100 for n in range(100)],
            "debt": [-1.0, None] * 50,
        }
    )
    commit_table(session, "trips", rows)
    declared(session, "trips", Expectation(column="city", type="string"), key=("id",))
    found = propose(session, "trips")
    assert found.key == ("id",)
    assert set(found.expectations) == {
        Expectation(column="city", type="string"),
        Expectation(min_rows=50),
        Expectation(column="id", type="int64"),
        Expectation(column="id", not_null=True),
        Expectation(column="id", min=0),
        Expectation(column="id", unique=True),
        Expectation(column="city", not_null=True),
        Expectation(column="city", among=("Bonn", "Ulm")),
        Expectation(column="share", type="double"),
        Expectation(column="share", not_null=True),
        Expectation(column="share", min=0),
        Expectation(column="share", max=1),
        Expectation(column="debt", type="double"),
    }
    with session.begin() as scope:
        declare(scope, found)
    assert check_version(session, "trips").ok
    assert propose(session, "trips") == found


def test_few_rows_propose_no_more_than_types(session: Session) -> None:
    commit_table(session, "trips", pa.table({"id": [1, 2]}))
    assert propose(session, "trips").expectations == (Expectation(column="id", type="int64"),)
