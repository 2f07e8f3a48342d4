"""Random searches of random runs, beside the same search said in Python, on both databases."""

import fnmatch
import math
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import experiments, lifespan
from bucle.lifecycle.tracking.batch import Batch, RunChange, change_run, log_batch
from bucle.lifecycle.tracking.begin import RunBegin, begin_run
from bucle.lifecycle.tracking.search import RunSearch, search_runs
from bucle.lifecycle.tracking.search.walk import store as walk
from bucle.testing.houses import open_test_house

START = datetime(2026, 1, 1, tzinfo=UTC)
MILLIS = int(START.timestamp() * 1000)
NUMBERS = [0.0, 1.0, 1.0, 2.5, -3.0, math.inf, -math.inf, math.nan]
# Texts that are alike as far as an index has them, and longer in bytes than in letters.
TEXTS = ["a", "b", "ab", "", "c" * 79, "c" * 80, "c" * 81 + "a", "c" * 81 + "b", "é" * 60]
SIZES = (
    "_MOST",
    "_MOST_PAGE",
    "_FEW",
    "_LOOKS",
    "_MOST_LOOKS",
    "_OWN_LOOKS",
    "_SHORT_READ",
    "_LONG_READ",
    "_MANY",
)


@dataclass
class Told:
    """A run as it was logged."""

    id: str
    name: str
    experiment: str
    stage: str
    status: str
    start: int
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request, tmp_path_factory):
    more = {}
    if request.param == "postgresql":
        more = {"database_url": request.getfixturevalue("_module_postgresql")}
    house = open_test_house(tmp_path_factory.mktemp("home"), **more)
    yield house
    house.close()


@pytest.fixture(scope="module")
def _module_postgresql(_postgresql_server):
    from tests.support import postgresql

    with postgresql.throwaway_database(_postgresql_server) as url:
        yield url


@pytest.fixture(scope="module", params=[1, 2, 3])
def store(request, house):
    """Return a session of random runs, in two experiments of a project, and what was logged."""
    rng = random.Random(request.param)
    session = house.session()
    with session.begin() as scope:
        homes = [experiments.create_experiment(scope, f"{name}{request.param}").id for name in "xy"]
        runs = [_log(scope, rng, number, rng.choice(homes)) for number in range(45)]
    return session, homes, runs


def _log(scope, rng, number, home):
    told = Told(
        id="", name=f"r{number % 20}", experiment=home, start=MILLIS + number // rng.choice((3, 9)),
        stage=rng.choice(("active", "active", "active", "deleted")),
        status=rng.choice(("finished", "failed")),
    )  # fmt: skip
    told.metrics = {key: rng.choice(NUMBERS) for key in "mn" if rng.random() < 0.8}
    told.params = {"p": rng.choice(TEXTS)} if rng.random() < 0.8 else {}
    told.tags = {"t": rng.choice(TEXTS)} if rng.random() < 0.8 else {}
    at = START + timedelta(milliseconds=told.start - MILLIS)
    begin = RunBegin(name=told.name, experiment=home, started_at=at, tags=told.tags)
    told.id = begin_run(scope, begin).head.id
    ref = Ref("run", told.id)
    points = [(key, 0, 0, value) for key, value in told.metrics.items()]
    log_batch(scope, ref, Batch(points=tracking.metric_points(points), params=told.params))
    change_run(scope, ref, RunChange(status=told.status, ended_at=at))
    if told.stage == "deleted":
        lifespan.delete_run(scope, ref)
    return told


def _numbers(key):
    asked = st.tuples(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
                      st.sampled_from([0, 1, 1.0, 2.5, -3, "1e999", "-1e999"]))  # fmt: skip
    return asked.map(lambda one: (key, *one))


def _texts(key):
    patterns = ["a%", "%b", "c%", "%", "_", "A%", "c" * 81 + "%", "%" + "c" * 81 + "a", "é%"]
    return st.one_of(
        st.tuples(st.just(key), st.sampled_from(["=", "!="]), st.sampled_from(TEXTS)),
        st.tuples(st.just(key), st.sampled_from(["LIKE", "ILIKE"]), st.sampled_from(patterns)),
        st.tuples(st.just(key), st.sampled_from(["IS NULL", "IS NOT NULL"]), st.just("")),
    )


CONDITIONS = st.lists(
    st.one_of(
        _numbers("metrics.m"), _numbers("metrics.n"), _numbers("metrics.none"),
        _texts("params.p"), _texts("tags.t"), _texts("tags.none"),
        st.tuples(st.just("attributes.status"), st.sampled_from(["=", "!="]),
                  st.sampled_from(["FINISHED", "FAILED", "finished"])),
        st.tuples(st.just("attributes.run_name"), st.sampled_from(["=", "LIKE"]),
                  st.sampled_from(["r1", "r1%"])),
        st.tuples(st.just("attributes.start_time"), st.sampled_from(["<", ">="]),
                  st.integers(MILLIS, MILLIS + 10)),
    ),
    max_size=4,
)  # fmt: skip
ORDERS = st.lists(
    st.sampled_from(["metrics.m", "metrics.n", "metrics.none", "params.p", "tags.t",
                     "attributes.start_time", "attributes.run_name", "attributes.status",
                     "attributes.run_id"]),
    max_size=3, unique=True,
)  # fmt: skip


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_search_finds_what_python_finds_in_the_same_order(store, data):
    session, homes, runs = store
    conditions = data.draw(CONDITIONS)
    order = [(key, data.draw(st.booleans())) for key in data.draw(ORDERS)]
    wanted_in = tuple(data.draw(st.sampled_from([homes[:1], homes[1:], homes])))
    stages = data.draw(st.sampled_from([("active",), ("deleted",), ("active", "deleted")]))
    search = RunSearch(
        experiments=wanted_in, stages=stages, limit=data.draw(st.integers(1, 30)),
        filter=" AND ".join(_written(*condition) for condition in conditions),
        order_by=tuple(f"{key} {'DESC' if turned else 'ASC'}" for key, turned in order),
    )  # fmt: skip
    expected = [
        run for run in runs
        if run.experiment in wanted_in and run.stage in stages
        and all(_holds(run, *condition) for condition in conditions)
    ]  # fmt: skip
    expected = _sorted(expected, order)
    with ExitStack() as small:
        for name in SIZES:  # so that a store of few runs takes every way of a large one
            size = data.draw(st.sampled_from([1, 2, 5, 1_000]))
            small.enter_context(patch.object(walk, name, size))
        assert _all_pages(session, search) == [run.id for run in expected]


def _all_pages(session, search):
    found, token = [], None
    while True:
        more = RunSearch(
            experiments=search.experiments, stages=search.stages, limit=search.limit,
            filter=search.filter, order_by=search.order_by, token=token,
        )  # fmt: skip
        with session.begin(write=False) as scope:
            page = search_runs(scope, more)
        found += [sheet.head.id for sheet in page.items]
        token = page.next_token
        if token is None:
            return found


def _written(key, operator, value):
    if operator.startswith("IS"):
        return f"{key} {operator}"
    return f"{key} {operator} {value if _is_number(key) else repr(value)}"


def _is_number(key):
    return key.startswith("metrics.") or key.endswith("_time")


def _value(run, key):
    group, _, name = key.partition(".")
    if group != "attributes":
        return getattr(run, group).get(name)
    return {"status": run.status.upper(), "run_name": run.name, "start_time": run.start,
            "run_id": run.id}[name]  # fmt: skip


def _holds(run, key, operator, asked):
    value = _value(run, key)
    if operator.startswith("IS"):
        return (value is None) == (operator == "IS NULL")
    if value is None:
        return False
    if operator == "LIKE":
        return fnmatch.fnmatchcase(value, asked.replace("%", "*").replace("_", "?"))
    if operator == "ILIKE":
        return fnmatch.fnmatchcase(value.lower(), asked.lower().replace("%", "*").replace("_", "?"))
    asked = float(asked) if _is_number(key) else asked
    return {"=": value == asked, "!=": value != asked, "<": value < asked, "<=": value <= asked,
            ">": value > asked, ">=": value >= asked}[operator]  # fmt: skip


def _sorted(runs, order):
    """Sort by every term, the last first: Python leaves equals as they were."""
    terms = list(order)
    for key, turned in (("attributes.start_time", True), ("attributes.run_id", False)):
        if key not in [term[0] for term in terms]:
            terms.append((key, turned))
    for key, turned in reversed(terms):
        numbers = [run for run in runs if _rank(run, key) == 0]
        numbers.sort(key=lambda run, key=key: _value(run, key), reverse=turned)
        # What has no number, then what has nothing, whichever way it is turned.
        rest = [[run for run in runs if _rank(run, key) == rank] for rank in (1, 2)]
        runs = [*numbers, *rest[0], *rest[1]]
    return runs


def _rank(run, key):
    value = _value(run, key)
    if value is None:
        return 2
    return 1 if isinstance(value, float) and math.isnan(value) else 0
