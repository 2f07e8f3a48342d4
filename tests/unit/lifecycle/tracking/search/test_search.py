"""What a search of runs finds, in which order, on both databases."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import experiments, lifespan
from bucle.lifecycle.tracking.batch import Batch, RunChange, change_run, log_batch
from bucle.lifecycle.tracking.begin import RunBegin, begin_run
from bucle.lifecycle.tracking.inputs import DatasetUse, LoggedDataset, log_inputs
from bucle.lifecycle.tracking.search import RunSearch, search_runs, store
from bucle.lifecycle.tracking.search.walk import store as walk_store
from bucle.testing.houses import open_test_house

START = datetime(2026, 1, 1, tzinfo=UTC)
MILLIS = int(START.timestamp() * 1000)
# name -> (metric a, metric b, parameter p, tag t, status); None: it has none
RUNS = {
    "r0": (0.1, 1.0, "x", "one", "finished"),
    "r1": (0.2, None, "y", None, "failed"),
    "r2": (0.2, 2.0, None, "One", "finished"),
    "r3": (math.nan, 3.0, "x", "two", "running"),
    "r4": (None, 4.0, "z" * 100, "o%e", "killed"),
    "r5": (math.inf, 5.0, "z" * 99, "", "finished"),
    "r6": (-math.inf, 6.0, "10", "two", "finished"),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def session(request, tmp_path_factory):
    more = {}
    if request.param == "postgresql":
        more = {"database_url": request.getfixturevalue("_module_postgresql")}
    house = open_test_house(tmp_path_factory.mktemp("home"), **more)
    session = house.session()
    with session.begin() as scope:
        experiments.create_experiment(scope, "e", location="s3://bucket/e")
        for number, (name, told) in enumerate(RUNS.items()):
            _log(scope, name, number, told)
        tracking.start_run(scope, tracking.RunStart(name="elsewhere", experiment="other"))
    yield session
    house.close()


@pytest.fixture(scope="module")
def _module_postgresql(_postgresql_server):
    from tests.support import postgresql

    with postgresql.throwaway_database(_postgresql_server) as url:
        yield url


def _log(scope, name, number, told):
    a, b, param, tag, status = told
    at = START + timedelta(milliseconds=1000 * (number // 2))  # two begin at each moment
    begun = begin_run(scope, RunBegin(name=name, experiment="1", user=f"u{number}", started_at=at))
    ref = Ref("run", begun.head.id)
    rows = [(key, 0, 0, value) for key, value in (("a", a), ("b b/ü", b)) if value is not None]
    batch = Batch(
        points=tracking.metric_points(rows),
        params={} if param is None else {"p": param},
        tags={} if tag is None else {"t.x": tag},
    )
    log_batch(scope, ref, batch, also_ended=True)
    if status != "running":
        change_run(scope, ref, RunChange(status=status, ended_at=at + timedelta(seconds=1)))
    if number < 2:
        dataset = LoggedDataset(name=f"d{number}", digest="1", source_type="s", source="x")
        log_inputs(scope, ref, [DatasetUse(dataset=dataset, tags={"mlflow.data.context": "train"})])


def find(session, asked="", *order_by, **more):
    search = RunSearch(experiments=("1",), filter=asked, order_by=order_by, **more)
    with session.begin(write=False) as scope:
        return [sheet.head.name for sheet in search_runs(scope, search).items]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", "0123456"),
        ("metrics.a > 0.1", "125"),
        ("metrics.a >= 0.1 and metrics.a <= 0.2", "012"),
        ("metrics.a != 0.2", "0356"),
        ("metrics.a = 0.2", "12"),
        ("metrics.`b b/ü` < 3", "02"),
        ("metrics.nothing < 3", ""),
        ("params.p = 'x'", "03"),
        ("params.p != 'x'", "1456"),
        ("params.p IS NULL", "2"),
        ("params.p IS NOT NULL", "013456"),
        (f"params.p = '{'z' * 99}'", "5"),
        ("params.p LIKE 'z%'", "45"),
        ("tags.t.x = 'one'", "0"),
        ("tags.`t.x` ILIKE 'ONE'", "02"),
        ("tags.t.x LIKE 'o%'", "04"),
        ("tags.t.x = ''", "5"),
        ("tags.t.x IS NULL", "1"),
        ("tags.t.x = 'two' and params.p = 'x'", "3"),
        ("status = 'FINISHED'", "0256"),
        ("attributes.status != 'FINISHED'", "134"),
        ("attributes.run_name = 'r4'", "4"),
        ("run_name LIKE 'r%' and metrics.a > 100", "5"),
        ("tags.mlflow.runName = 'r4'", "4"),
        ("user_id = 'u3'", "3"),
        (f"start_time > {MILLIS + 999}", "23456"),
        (f"start_time = {MILLIS + 1000}", "23"),
        (f"start_time != {MILLIS + 1000}", "01456"),
        (f"start_time >= {MILLIS}.5", "23456"),
        (f"end_time < {MILLIS + 1001}", "01"),
        ("start_time > 99999999999999999999999", ""),
        ("artifact_uri LIKE 's3://bucket/e/%'", "0123456"),
        ("run_id = 'nobody'", ""),
        ("dataset.name = 'd1'", "1"),
        ("datasets.context IN ('train', 'test')", "01"),
        ("dataset.name LIKE 'd%' and dataset.digest = '1' and metrics.a < 0.2", "0"),
    ],
)
@pytest.mark.parametrize("few", [2_000, 0])
def test_a_filter_finds_these_runs(session, monkeypatch, asked, found, few):
    """Whether the runs of a condition are fetched first or asked one by one."""
    monkeypatch.setattr(store, "_FEW", few)
    monkeypatch.setattr(walk_store, "_FEW", few)
    assert "".join(sorted(name[1] for name in find(session, asked))) == found
    assert "".join(sorted(name[1] for name in find(session, asked, "metrics.a"))) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ((), "6452301"),
        (("start_time ASC",), "0123456"),
        (("metrics.a ASC",), "6021534"),
        (("metrics.a DESC",), "5210634"),
        (("metrics.`b b/ü` DESC",), "6543201"),
        (("params.p ASC",), "6301542"),
        (("tags.t.x DESC", "metrics.a ASC"), None),
        (("run_name DESC",), "6543210"),
        (("attributes.status", "run_name"), "1025643"),
        (("end_time DESC",), "6452013"),
        (("metrics.nothing",), "6452301"),
    ],
)
@pytest.mark.parametrize("size", [3, 100])
def test_an_order_is_that_of_its_terms_then_of_start_and_id(session, order, found, size):
    search = RunSearch(experiments=("1",), order_by=order, limit=size)
    names, token = [], None
    while True:
        with session.begin(write=False) as scope:
            page = search_runs(
                scope, RunSearch(experiments=("1",), order_by=order, limit=size, token=token)
            )
        names += [sheet.head.name[1] for sheet in page.items]
        token = page.next_token
        if token is None:
            break
    # Two runs that begin at one moment stand in the order of their ids, which is that of their
    # making; the expected orders above say so, too.
    assert sorted(names) == list("0123456")
    if found is not None:
        assert "".join(names) == found, search


def test_every_stage_has_its_view(session):
    with session.begin(write=False) as scope:
        ref = Ref("run", search_runs(scope, RunSearch(experiments=("1",))).items[0].head.id)
    with session.begin() as scope:
        lifespan.delete_run(scope, ref)
    try:
        assert len(find(session)) == 6
        assert find(session, stages=("deleted",)) == ["r6"]
        assert len(find(session, stages=("active", "deleted"))) == 7
        assert "r6" not in find(session, "", "metrics.a")
    finally:
        with session.begin() as scope:
            lifespan.restore_run(scope, ref)


def test_a_token_of_another_search_is_invalid(session):
    with session.begin(write=False) as scope:
        token = search_runs(scope, RunSearch(experiments=("1",), limit=2)).next_token
        for other in ({"filter": "metrics.a > 0"}, {"experiments": ("2",)}):
            with pytest.raises(Invalid):
                search_runs(scope, RunSearch(**{"experiments": ("1",), "token": token} | other))


def test_an_order_that_names_a_field_twice_is_invalid(session):
    with pytest.raises(Invalid):
        find(session, "", "metrics.a", "metric.a DESC")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(
        ["metrics.a", "params.p", "tags.t", "start_time", "end_time", "dataset.name", "run_id"]
    ),
    st.sampled_from(["=", "!=", "<", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL"]),
    st.one_of(
        st.text().map(lambda text: f"'{text}'"),
        st.integers().map(str),
        st.floats().map(str),
        st.text().map(lambda text: f"('{text}',)"),
        st.just(""),
    ),
)
def test_whatever_is_asked_a_search_answers_or_is_invalid(session, field, operator, value):
    try:
        find(session, f"{field} {operator} {value}", "metrics.a DESC")
    except Invalid:
        return
