"""Eight clients that log at once: no error, nothing lost, nothing doubled, one chain."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bucle.base.refs import Ref
from bucle.governance.audit.verify import verify
from bucle.governance.session import House, Session
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking.batch import Batch, log_batch
from bucle.lifecycle.tracking.begin import RunBegin, begin_run
from bucle.lifecycle.tracking.experiments import create_experiment
from bucle.lifecycle.tracking.inputs import DatasetUse, LoggedDataset, log_inputs
from bucle.lifecycle.tracking.points import series_by_time
from bucle.lifecycle.tracking.search import get_sheet
from bucle.testing.houses import open_test_house

CLIENTS = 8
CALLS = 40


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    more = {}
    if request.param == "postgresql":
        more = {"database_url": str(request.getfixturevalue("postgresql_url"))}
    house = open_test_house(tmp_path / "home", **more)
    yield house
    house.close()


def log(session: Session, run: Ref, client: int) -> None:
    for call in range(CALLS):
        points = tracking.metric_points(
            [("shared", call, client, float(client)), (f"own{client}", call, 0, float(call))]
        )
        batch = Batch(
            points=points, params={f"p{client}/{call}": "x", "same": "x"}, tags={"t": "x"}
        )
        with session.begin() as scope:
            log_batch(scope, run, batch, also_ended=True)


def test_what_eight_clients_log_to_one_run_is_all_there_once(house: House) -> None:
    session = house.session()
    with session.begin() as scope:
        run = Ref("run", begin_run(scope, RunBegin(name="shared")).head.id)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda client: log(house.session(), run, client), range(CLIENTS)))
    with session.begin(write=False) as scope:
        sheet = get_sheet(scope, run)
        shared = series_by_time(scope, run, "shared")
        own = [len(series_by_time(scope, run, f"own{client}")) for client in range(CLIENTS)]
        assert verify(scope).ok
    assert len(shared) == CLIENTS * CALLS
    assert own == [CALLS] * CLIENTS
    assert len(sheet.params) == CLIENTS * CALLS + 1
    last = {point.name: point.value for point in sheet.metrics}
    assert last["shared"] == float(CLIENTS - 1)
    assert all(last[f"own{client}"] == float(CALLS - 1) for client in range(CLIENTS))


def test_experiments_that_are_made_at_once_have_numbers_of_their_own(house: House) -> None:
    def make(number: int) -> str:
        with house.session().begin() as scope:
            return create_experiment(scope, f"e{number}").id

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(make, range(CLIENTS)))
    assert len(set(ids)) == CLIENTS


def test_what_is_new_leaves_a_fact_and_what_was_said_before_none(house: House) -> None:
    session = house.session()
    with session.begin() as scope:
        run = Ref("run", begin_run(scope, RunBegin(name="told")).head.id)
    use = DatasetUse(dataset=LoggedDataset(name="d", digest="1", source_type="x", source="y"))
    told: list[list[str]] = []
    for _ in range(2):
        with session.begin() as scope:
            log_batch(scope, run, Batch(params={"lr": "0.1"}))
            log_inputs(scope, run, [use])
            told.append([fact.type for fact in scope.facts])
    assert len(told[0]) == 2
    assert told[1] == []
