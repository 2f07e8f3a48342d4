"""An expectation in Python is judged by what its function answers, and by nothing else."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bucle.base.capture import code_of
from bucle.base.code import Code
from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.drivers.compute import Compute, open_compute
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    by_python,
    check_version,
    commit_table,
    declare,
    get_version,
    read_table,
    upsert_table,
)
from bucle.lifecycle.data.contracts.records import Terms
from bucle.lifecycle.data.contracts.terms import check_terms
from bucle.lifecycle.data.quarantine.read import read_quarantined
from bucle.lifecycle.features import Entity, FeatureView
from bucle.lifecycle.features.judge import require_judgeable
from bucle.testing.houses import open_test_house

TRIPS = pa.table({"id": [1, 2, 3, 4], "fare": [4.5, -1.0, None, 6.0]})
LEAST = 0


def fare_is_there(rows: pa.Table) -> Any:
    return pc.greater_equal(rows["fare"], LEAST)


def by_pandas(rows: pa.Table) -> Any:
    return rows.to_pandas()["fare"] >= LEAST


def only_so_many(rows: pa.Table) -> Any:
    assert rows.num_rows <= 3  # an upsert writes what is left of a file again
    return [True] * rows.num_rows


def at_least_five(rows: pa.Table) -> Any:
    return rows.num_rows >= 5


def missing(rows: pa.Table) -> Any:
    return rows["fare"].null_count


def raises(rows: pa.Table) -> Any:
    return rows["fair"]


def is_short(rows: pa.Table) -> Any:
    return [True]


def is_numbers(rows: pa.Table) -> Any:
    return rows["id"]


def is_one(rows: pa.Table) -> Any:
    return True


def is_nothing(rows: pa.Table) -> Any:
    return None


def is_nan(rows: pa.Table) -> Any:
    return float("nan")


def is_killed(rows: pa.Table) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def leaves(rows: pa.Table) -> Any:
    raise SystemExit(0)


def sleeps(rows: pa.Table) -> Any:
    time.sleep(60)


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    compute = open_compute("process:?workers=1")
    yield compute
    compute.close()


@pytest.fixture
def house(tmp_path: Path, compute: Compute) -> Iterator[House]:
    house = open_test_house(tmp_path)
    house.drivers.__dict__["compute"] = compute  # one for all: it takes a second to start
    yield house
    del house.drivers.__dict__["compute"]
    house.close()


def expect(session: Session, *expectations: Expectation, key: tuple[str, ...] = ()) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=key, expectations=expectations))


def by(function: Callable[..., object], **said: Any) -> Expectation:
    return Expectation(python=code_of(function), **said)


def ids(session: Session) -> list[int]:
    return [row["id"] for row in read_table(session, "trips", columns=["id"]).to_pylist()]


def test_a_row_that_is_not_true_or_missing_refuses_the_commit_and_is_shown(
    session: Session,
) -> None:
    for function in (fare_is_there, by_pandas):
        expect(session, by(function, column="fare"), key=("id",))
        with pytest.raises(Refused, match=f"fare by {function.__name__}: 2 of 4 rows") as caught:
            commit_table(session, "trips", TRIPS)
        assert "row 2: id=2, fare=-1.0" in str(caught.value)
    assert commit_table(session, "trips", TRIPS.take([0, 3])).rows == 2


def test_bad_rows_are_set_apart_beside_those_of_sql(session: Session) -> None:
    expect(
        session,
        by(fare_is_there, name="a fare", action="quarantine"),
        Expectation(sql="id <> 2 AND id <> 4", name="not taken", action="quarantine"),
    )
    assert commit_table(session, "trips", TRIPS).quarantined == 3
    assert [(each.row, each.reasons) for each in read_quarantined(session, "trips").rows] == [
        (2, ("a fare", "not taken")),
        (3, ("a fare",)),
        (4, ("not taken",)),
    ]
    assert ids(session) == [1]


def test_tolerance_is_a_share_of_the_rows(session: Session) -> None:
    expect(session, by(fare_is_there, action="quarantine", tolerance=0.4))
    with pytest.raises(Refused, match="more than tolerated: python fare_is_there: 2 of 4 rows"):
        commit_table(session, "trips", TRIPS)
    expect(session, by(fare_is_there, tolerance=0.5))
    assert commit_table(session, "trips", TRIPS).rows == 4


def test_a_warning_refuses_nothing(session: Session) -> None:
    expect(session, by(fare_is_there, action="warn"))
    (verdict,) = commit_table(session, "trips", TRIPS).verdicts
    assert (verdict.ok, verdict.note) == (False, "warning: 2 of 4 rows")
    assert check_version(session, "trips").verdicts == (verdict,)


def test_one_answer_for_the_table_is_true_or_the_number_of_what_is_wrong(
    session: Session,
) -> None:
    expect(session, by(at_least_five, python_of="table"))
    with pytest.raises(Refused, match="python at_least_five"):
        commit_table(session, "trips", TRIPS)
    expect(session, by(missing, python_of="table"))
    with pytest.raises(Refused, match="python missing"):
        commit_table(session, "trips", TRIPS)
    assert commit_table(session, "trips", TRIPS.slice(0, 2)).rows == 2


def test_of_each_row_the_new_ones_are_asked_and_of_the_table_all(session: Session) -> None:
    expect(session, by(only_so_many), key=("id",))
    for start in (0, 2):
        commit_table(session, "trips", TRIPS.slice(start, 2), mode="append")
    made = upsert_table(session, "trips", pa.table({"id": [4, 5], "fare": [7.0, 8.0]}))
    assert (made.rows, all(each.ok for each in made.verdicts)) == (5, True)
    expect(session, by(at_least_five, python_of="table"), key=("id",))
    more = commit_table(session, "trips", pa.table({"id": [6], "fare": [1.0]}), mode="append")
    assert (more.rows, more.verdicts[-2].ok) == (6, True)


def test_rows_in_files_are_judged_as_rows_in_memory(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bucle.lifecycle.data import read

    monkeypatch.setattr(read, "_SMALL_BYTES", 0)
    expect(session, by(fare_is_there, action="quarantine"))
    commit_table(session, "trips", TRIPS)
    more = pa.table({"id": [5, 6], "fare": [-5.0, 6.0]})
    commit_table(session, "trips", more, mode="append")
    assert ids(session) == [1, 4, 6]


@pytest.mark.parametrize(
    ("function", "said", "told"),
    [
        (raises, {}, r"raises failed on 4 rows: KeyError: .*fair"),
        (raises, {"action": "quarantine"}, r"raises failed on 4 rows: KeyError"),
        (raises, {"action": "warn"}, r"raises failed on 4 rows: KeyError"),
        (is_short, {}, "is_short gives 1 answers for 4 rows"),
        (is_numbers, {}, "is_numbers gives int64 for 4 rows, and no booleans"),
        (is_one, {}, "is_one gives a bool for 4 rows"),
        (is_nothing, {}, "is_nothing gives a NoneType for 4 rows"),
        (is_nothing, {"python_of": "table"}, "is_nothing gives a NoneType for the table of 4"),
        (is_nan, {"python_of": "table"}, "is_nan gives nan for the table of 4 rows"),
        (is_killed, {}, "is_killed failed on 4 rows: .*SIGKILL"),
        (leaves, {}, "leaves failed on 4 rows: .*ended itself"),
    ],
)  # fmt: skip
def test_what_gives_no_answer_is_an_error_and_commits_nothing(
    session: Session, function: Callable[..., object], said: dict[str, Any], told: str
) -> None:
    expect(session, by(function, **said))
    name = f"the expectation 'python {function.__name__}' can not be executed: "
    with pytest.raises(Invalid, match=name + told):
        commit_table(session, "trips", TRIPS)
    with session.begin(write=False) as scope, pytest.raises(NotFound, match="nothing was"):
        get_version(scope, "trips")


def test_a_function_that_takes_too_long_is_stopped_and_is_an_error(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_python, "TIMEOUT_S", 0.5)
    expect(session, by(sleeps))
    with pytest.raises(Invalid, match=r"sleeps failed on 4 rows: .* took longer than"):
        commit_table(session, "trips", TRIPS)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"python": Code(function="f", source="def g(rows): return 1")}, "has no function 'f'"),
        ({"python": Code(function="f", source="def f(:")}, "is no Python"),
        ({"python": Code(function="f", source="#" * 200_001)}, "200001 characters"),
        ({"python_of": "table", "action": "quarantine"}, "python of the whole table is of the"),
        ({"python_of": "table", "tolerance": 0.1}, "answers once for the table"),
    ],
)
def test_what_could_never_be_judged_is_not_declared(
    session: Session, wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        expect(session, Expectation(**({"python": code_of(is_one)} | wrong)))


def test_who_may_write_no_features_brings_no_code_and_keeps_what_is_there(house: House) -> None:
    feed = Principal(name="feed", grants=(Grant(role="producer", project="*"),))
    session, producer = house.session(), house.session(feed)
    with pytest.raises(Denied, match="feature:write"):
        expect(producer, by(fare_is_there))
    expect(session, by(fare_is_there))
    expect(producer, by(fare_is_there, name="a fare"))
    assert commit_table(producer, "trips", TRIPS.slice(0, 1)).verdicts[0].name == "a fare"


def test_neither_contracts_nor_tests_of_features_run_python() -> None:
    with pytest.raises(Invalid, match="a contract runs no Python, such as is_one"):
        check_terms(Terms(expectations=(by(is_one),)))
    view = FeatureView(
        name="v", entity=Entity(name="e", keys=("id",)), source="trips",
        columns=("fare",), tests=(by(is_one),),
    )  # fmt: skip
    with pytest.raises(Invalid, match="is Python"):
        require_judgeable(view)


def test_an_expectation_without_python_says_nothing_of_it() -> None:
    assert msgspec.to_builtins(Expectation(column="fare", min=0)) == {"column": "fare", "min": 0}
    said = by(fare_is_there)
    assert msgspec.convert(msgspec.to_builtins(said), Expectation) == said


def test_code_that_differs_by_a_constant_is_judged_anew(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(session, by(fare_is_there))
    first = commit_table(session, "trips", TRIPS.take([0, 3]))
    monkeypatch.setitem(globals(), "LEAST", 5)
    expect(session, by(fare_is_there))
    with pytest.raises(Refused, match="1 of 3 rows"):
        commit_table(session, "trips", pa.table({"id": [9], "fare": [9.0]}), mode="append")
    assert first.judged
