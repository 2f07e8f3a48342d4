from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.session import House, Session
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.ship import merged_of
from bucle.interfaces.predict.wal import LoggedField, Source
from bucle.lifecycle import data, serving
from bucle.lifecycle.serving import segments
from bucle.lifecycle.serving.forget import erase_logged, find_logged
from bucle.lifecycle.serving.logged import LogPolicy, PlannedLog, check_policy
from bucle.lifecycle.serving.retain_log import retain_log
from bucle.lifecycle.serving.scoring.collect import added, collect_log
from bucle.lifecycle.serving.segments import Segment
from tests.support.linear import model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEMAND = Ref("deployment", "demand")
Answer = Callable[..., list[str]]


@pytest.fixture
def answer(house: House, tmp_path: Path) -> Answer:
    """Return a function that logs rows as one run of a model server does."""
    ids = PredictionIds()

    def write(*heats: object, at: datetime = NOW, kind: str = "float64", **log: Any) -> list[str]:
        opened = PredictionLog(tmp_path / "log", house.drivers.blobs, secret=house.keys.log_secret)
        opened._close_file()
        opened._writer = "w1"
        source = Source(
            number=0, project="default", deployment="deployment:demand@1", model=str(model(1)),
            variant="champion", inputs=(LoggedField("heat", kind), LoggedField("city", "string")),
            outputs=(LoggedField("prediction", "float64"),),
        )  # fmt: skip
        taken = ids.take(at, len(heats))
        opened.append_many(
            source=opened.source(source, PlannedLog(**log)), epoch=0, ids=taken,
            at_us=int(at.timestamp() * 1e6), latency_us=[1] * len(heats),
            columns={"heat": list(heats), "city": ["here"] * len(heats)},
            outputs={"prediction": [1.0] * len(heats)},
        )  # fmt: skip
        opened.close()
        return taken

    return write


def merge(session: Session) -> None:
    """Merge all segments into one, as a model server does."""
    blobs = session.drivers.blobs
    parts = segments.list_segments(blobs, "default", "demand")
    whole = Segment(
        project="default", deployment="demand", first=parts[0].first, last=parts[-1].last,
        writer="w1",
    )  # fmt: skip
    blobs.put(whole.key, merged_of([blobs.get(part.key) for part in parts]))
    for part in parts:
        if part != whole:
            blobs.delete(part.key)


def ids_in(session: Session, name: str = "demand_predictions") -> list[str]:
    found: list[str] = data.read_table(session, name)["id"].to_pylist()
    return found


def test_the_log_becomes_a_dataset_that_says_what_it_came_from(
    session: Session, answer: Answer
) -> None:
    taken = answer(1.0, 2.0)
    done = collect_log(session, "demand")
    assert (done.rows, done.output) == (2, Ref("dataset", "demand_predictions", 1))
    table = data.read_table(session, "demand_predictions")
    assert table["id"].to_pylist() == taken
    assert table["in_heat"].to_pylist() == [1.0, 2.0]
    assert done.output is not None
    with session.begin(write=False) as scope:
        nodes = trace(scope, done.output, up=True).nodes
    assert {"deployment:demand@1", "model:demand@1"} <= {*nodes}


def test_each_row_is_collected_once_whenever_and_in_whichever_file_it_comes(
    session: Session, answer: Answer
) -> None:
    every = answer(1.0)
    collect_log(session, "demand")
    every += answer(2.0, at=NOW + HOUR)
    every += answer(3.0, at=NOW + 2 * HOUR)
    merge(session)
    assert collect_log(session, "demand").rows == 2
    late = answer(4.0, at=NOW + 3 * HOUR)
    assert collect_log(session, "demand").rows == 1
    assert collect_log(session, "demand").output is None
    merge(session)
    assert collect_log(session, "demand").rows == 0
    assert ids_in(session) == every + late


def test_a_column_of_other_types_is_text_and_one_that_comes_later_is_null_before(
    session: Session, answer: Answer
) -> None:
    answer("warm", kind="string")
    answer(2.5, at=NOW + HOUR)
    collect_log(session, "demand")
    assert data.read_table(session, "demand_predictions")["in_heat"].to_pylist() == ["warm", "2.5"]
    answer(3.5, at=NOW + 2 * HOUR)
    collect_log(session, "demand")
    assert data.read_table(session, "demand_predictions")["in_heat"].to_pylist()[-1] == "3.5"


def test_spans_that_another_covers_are_in_it() -> None:
    assert added((("a", "b"), ("d", "e"), ("x", "y")), ("a", "f")) == (("a", "f"), ("x", "y"))


def test_of_an_unknown_deployment_nothing_is_collected(session: Session) -> None:
    with pytest.raises(NotFound, match="deployment:nobody"):
        collect_log(session, "nobody")


def keep_for(session: Session, retention: str) -> None:
    with session.begin() as scope:
        spec = serving.DeploymentSpec(
            name="demand", model="demand", log=LogPolicy(retention=retention)
        )
        serving.deploy(scope, spec)


def test_what_is_older_than_the_retention_is_removed_and_told(
    session: Session, answer: Answer
) -> None:
    now = session.drivers.clock.now()
    answer(1.0, at=now - timedelta(days=40))
    half = answer(2.0, at=now - timedelta(days=31))
    kept = answer(3.0, at=now - timedelta(days=29))
    blobs = session.drivers.blobs
    _, second, third = segments.list_segments(blobs, "default", "demand")
    whole = Segment(
        project="default", deployment="demand", first=half[0], last=kept[0], writer="w1"
    )
    blobs.put(whole.key, merged_of([blobs.get(second.key), blobs.get(third.key)]))
    for part in (second, third):
        blobs.delete(part.key)
    keep_for(session, "30d")
    done = retain_log(session, "demand")
    assert (done.rows, done.segments) == (2, 1)
    left = serving.read_predictions(session, "demand", now - timedelta(days=99), now)
    assert left["id"].to_pylist() == kept
    assert retain_log(session, "demand").rows == 0
    (segment,) = segments.list_segments(blobs, "default", "demand")
    assert pq.read_table(blobs.local_path(segment.key))["id"].to_pylist() == kept
    assert milliseconds_of(segment.last) >= int((now - timedelta(days=30)).timestamp() * 1000)


def test_a_log_that_is_kept_for_ever_is_not_cut(session: Session) -> None:
    with pytest.raises(Invalid, match="for ever"):
        retain_log(session, "demand")


def test_a_deletion_finds_those_whose_key_is_hashed(session: Session, answer: Answer) -> None:
    taken = answer(1.0, hashed=("city",))
    (found,) = find_logged(session, {"city": "here"})
    assert list(found.ids) == taken
    assert find_logged(session, {"city": "there"}) == ()
    assert erase_logged(session, {"demand": taken}) == 1


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (LogPolicy(share=0), "log.share is 0"),
        (LogPolicy(share=1.5), "log.share is 1.5"),
        (LogPolicy(columns=()), "names no column"),
        (LogPolicy(retention="soon"), "soon"),
        (LogPolicy(collect="often"), "often"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(policy: LogPolicy, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        check_policy(policy)
