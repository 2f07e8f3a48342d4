"""Control trains on data only as far as somebody decided; to override is to decide again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest

from bucle.base.codec import to_builtins
from bucle.base.errors import Refused
from bucle.control.actions import run_pipeline
from bucle.control.decided import check_decisions
from bucle.control.fire import fire_by_hand
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import parse_project
from bucle.control.spec.records import ModelSpec, ProjectSpec
from bucle.governance.session import House, Session
from bucle.lifecycle.data import Condition, DatasetSpec, commit_table, decide, list_decisions
from bucle.lifecycle.data.judge import judged_by
from bucle.testing.houses import open_test_house

TEXT = """
version: 1
project: default
datasets:
  rentals: {REQUIRED}
  weather: {}
pipelines: {train: {run: "loop:train"}, clean: {run: "loop:clean"}}
models: {demand: {pipeline: train MODEL}}
"""
PLAIN = TEXT.replace("REQUIRED", "").replace("MODEL", "")
OF_DATASET = TEXT.replace("REQUIRED", "require_decision: true").replace("MODEL", "")
OF_MODEL = TEXT.replace("REQUIRED", "").replace("MODEL", ", require_decision: true")


BOTH = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Yield an installation on SQLite, or on PostgreSQL."""
    urls = {}
    if getattr(request, "param", "") == "postgresql":
        urls = {"database_url": request.getfixturevalue("postgresql_url")}
    opened = open_test_house(tmp_path / "home", **urls)
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    session = house.session()
    for name in ("rentals", "weather"):
        commit_table(session, name, pa.table({"x": [1, 2, 3]}))
    return session


def may(session: Session, text: str, pipeline: str = "train") -> bool:
    try:
        with session.begin(write=False) as scope:
            check_decisions(scope, parse_project(text), pipeline)
    except Refused:
        return False
    return True


def decided(session: Session, ref: str, decision: str, *conditions: Condition) -> None:
    with session.begin() as scope:
        decide(scope, ref, decision, reasons=["looked at"], conditions=conditions)  # type: ignore[arg-type]


def test_a_no_go_ends_training_and_cleaning_goes_on_until_somebody_overrides(
    session: Session,
) -> None:
    assert may(session, PLAIN)
    decided(session, "weather", "no-go")
    assert not may(session, PLAIN)
    assert may(session, PLAIN, "clean")
    decided(session, "weather", "go")
    assert may(session, PLAIN)


@BOTH
def test_a_dataset_that_requires_a_decision_waits_for_its_go(session: Session) -> None:
    assert not may(session, OF_DATASET)
    decided(session, "rentals", "go")
    assert may(session, OF_DATASET)
    commit_table(session, "rentals", pa.table({"x": [4]}), mode="append")
    assert may(session, OF_DATASET)


def test_a_model_that_requires_decisions_waits_for_every_dataset(session: Session) -> None:
    decided(session, "rentals", "go")
    assert not may(session, OF_MODEL)
    decided(session, "weather", "go")
    assert may(session, OF_MODEL)


def test_a_condition_that_is_overdue_holds_training_again(house: House, session: Session) -> None:
    today = house.drivers.clock.now().date()
    soon = Condition(text="ask", due=today + timedelta(days=1), receiver="ana")
    decided(session, "rentals", "conditional", soon)
    assert may(session, OF_DATASET)
    house.drivers.clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    assert not may(session, OF_DATASET)


def test_a_job_of_a_pipeline_is_refused_before_it_starts(session: Session) -> None:
    apply_project(session, parse_project(OF_DATASET), "")
    with session.begin() as scope:
        job = fire_by_hand(scope, "train", {})
    with pytest.raises(Refused, match="may not train: nobody has decided") as caught:
        run_pipeline(session, job)
    assert "bucle data decide rentals" in caught.value.hint
    assert [verdict.ok for verdict in caught.value.because] == [False, True]


@BOTH
def test_four_who_decide_at_once_take_four_numbers(house: House) -> None:
    ready = Barrier(4)

    def one(_: int) -> None:
        ready.wait()
        decided(house.session(), "rentals", "go")

    commit_table(house.session(), "rentals", pa.table({"x": [1, 2, 3]}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    with house.session().begin(write=False) as scope:
        found = list_decisions(scope, "rentals")
    assert [checked.decision.number for checked in found] == [4, 3, 2, 1]
    assert [checked.decision.supersedes for checked in found] == [3, 2, 1, None]


def test_what_is_not_asked_for_is_not_said_to_clients_of_before() -> None:
    spec = parse_project(PLAIN)
    assert "require_decision" not in to_builtins(spec.datasets["rentals"])
    assert "require_decision" not in to_builtins(spec.models["demand"])
    assert to_builtins(parse_project(OF_DATASET).datasets["rentals"])["require_decision"] is True
    assert ModelSpec(require_decision=True).require_decision is True
    assert isinstance(spec, ProjectSpec)


def test_to_require_a_decision_changes_nothing_of_what_rows_are_judged_by() -> None:
    assert judged_by(DatasetSpec(name="a", require_decision=True)) == judged_by(
        DatasetSpec(name="a")
    )
