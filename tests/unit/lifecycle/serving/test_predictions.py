from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec import structs

from bucle.base.clock import ManualClock
from bucle.base.errors import Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.lineage import Trace
from bucle.interfaces.operations.table import row_named
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import Answers, LoggedField, Source
from bucle.lifecycle import serving
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import Entity, FeatureView, materialize, register_view
from tests.support.linear import model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

Answer = Callable[..., list[str]]


@pytest.fixture
def answer(house: House, tmp_path: Path) -> Answer:
    """Return a function that logs rows as a model server does, and hands them over."""
    ids = PredictionIds()

    def write(
        heats: list[float],
        *,
        at: datetime = NOW,
        version: int = 1,
        variant: str = "champion",
        latency_us: int = 100,
        error: str = "",
    ) -> list[str]:
        log = PredictionLog(tmp_path / "log", house.drivers.blobs)
        source = Source(
            number=0,
            project="default",
            deployment="deployment:demand@2",
            model=str(model(version)),
            variant=variant,
            inputs=(LoggedField("heat", "float64"), LoggedField("city", "string")),
            outputs=(LoggedField("prediction", "float64"),),
        )
        taken = ids.take(at, len(heats))
        outputs = {} if error else {"prediction": [heat * version for heat in heats]}
        answers = Answers(
            source=log.source(source),
            at_us=(at - EPOCH) // timedelta(microseconds=1),
            latency_us=latency_us,
            ids=taken,
            columns={"heat": heats, "city": ["here"] * len(heats)},
            outputs=outputs,
            error=error,
        )
        log.append(answers, 0)
        log.close()
        return taken

    return write


def test_predictions_are_read_by_time_oldest_first(session: Session, answer: Answer) -> None:
    late = answer([3.0], at=NOW + HOUR)
    early = answer([1.0, 2.0])
    everything = serving.read_predictions(session, "demand", NOW, NOW + 2 * HOUR)
    assert everything["id"].to_pylist() == early + late
    assert everything["in_heat"].to_pylist() == [1.0, 2.0, 3.0]
    first = serving.read_predictions(session, "demand", NOW, NOW + HOUR)
    assert first["id"].to_pylist() == early
    second = serving.read_predictions(session, "demand", NOW + HOUR, NOW + 2 * HOUR)
    assert second["id"].to_pylist() == late


def test_only_the_asked_columns_come_in_the_asked_order(session: Session, answer: Answer) -> None:
    answer([1.0])
    columns = ["out_prediction", "in_nothing", "id"]
    table = serving.read_predictions(session, "demand", NOW, NOW + HOUR, columns=columns)
    assert table.column_names == columns
    assert table["in_nothing"].to_pylist() == [None]


def test_without_predictions_the_table_is_empty(session: Session) -> None:
    table = serving.read_predictions(session, "demand", NOW, NOW + HOUR)
    assert (len(table), table.column_names[:2]) == (0, ["id", "at"])
    assert len(serving.read_predictions(session, "x", NOW, NOW + HOUR, columns=["in_a"])) == 0


def test_a_prediction_is_found_by_its_id(session: Session, answer: Answer) -> None:
    answer([1.0])
    _, second = answer([5.0, 6.0], version=2, variant="canary")
    found = serving.find_prediction(session, second)
    assert (found.features, found.outputs) == ({"heat": 6.0, "city": "here"}, {"prediction": 12.0})
    assert (found.model, found.variant, found.at) == (model(2), "canary", NOW)
    assert found.deployment == Ref("deployment", "demand", 2)


def test_an_unknown_prediction_is_not_found(session: Session, answer: Answer) -> None:
    answer([1.0])
    with pytest.raises(NotFound, match="no prediction"):
        serving.find_prediction(session, "01KFYD7QRDFM9XV2ZAZPN6A0ZZ")
    with pytest.raises(Invalid, match="is not an id"):
        serving.find_prediction(session, "nonsense")


def test_who_may_not_read_predictions_does_not(house: House, answer: Answer) -> None:
    answer([1.0])
    with pytest.raises(Denied, match="prediction:read"):
        serving.read_predictions(house.session(ANONYMOUS), "demand", NOW, NOW + HOUR)


def test_lineage_of_a_prediction_leads_to_its_model_and_not_to_its_neighbours(
    session: Session, answer: Answer
) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        serving.start_canary(scope, "demand", model(2))
        scope.link(Ref("run", "R1"), model(1), "made")
        scope.link(Ref("dataset", "rentals", 4), Ref("run", "R1"), "read")
    (one,) = answer([1.0])
    row = row_named("lineage.trace")
    found = call(session, row, Trace(ref=f"prediction:{one}"))
    assert set(found.nodes) == {
        f"prediction:{one}",
        "deployment:demand@2",
        "model:demand@1",
        "run:R1",
        "dataset:rentals@4",
    }
    hops = {(edge.source, edge.target) for edge in found.edges}
    assert ("deployment:demand@2", f"prediction:{one}") in hops
    assert ("model:demand@1", "deployment:demand@2") in hops


def test_lineage_of_a_prediction_leads_to_the_rows_that_its_features_were_made_of_then(
    house: House, session: Session, answer: Answer
) -> None:
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    warmth = FeatureView(
        name="warmth", entity=Entity(name="city", keys=("city",)), source="weather", time="at",
        columns=("heat",), owner="me", description="How warm it is",
    )  # fmt: skip
    rows = pa.table({"city": ["here"], "at": [NOW - HOUR], "heat": [1.0]})
    commit_table(session, "weather", rows)
    with session.begin() as scope:
        register_view(scope, warmth)
        spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
        serving.deploy(scope, structs.replace(spec, features=("warmth",)))
    materialize(session, "warmth")
    (one,) = answer([1.0], at=NOW + HOUR)
    clock.advance(2 * HOUR)
    commit_table(session, "weather", rows, mode="append")
    commit_table(session, "weather", rows.set_column(2, "heat", [[2.0]]), mode="append")
    materialize(session, "warmth")
    with session.begin() as scope:
        register_view(scope, structs.replace(warmth, ttl="1d"))
    found = call(session, row_named("lineage.trace"), Trace(ref=f"prediction:{one}"))
    hops = {(edge.source, edge.target) for edge in found.edges}
    assert hops >= {
        ("materialization:warmth@1", "deployment:demand@2"),
        ("feature_view:warmth@1", "materialization:warmth@1"),
        ("dataset:weather@1", "materialization:warmth@1"),
    }
    assert "dataset:weather@2" not in found.nodes
    assert "feature_view:warmth@2" not in found.nodes


def test_ten_thousands_of_rows_in_hundreds_of_segments_are_read(
    session: Session, answer: Answer
) -> None:
    for minute in range(200):
        answer([float(minute)] * 100, at=NOW + timedelta(minutes=minute))
    table = serving.read_predictions(session, "demand", NOW, NOW + 10 * HOUR, columns=["in_heat"])
    assert len(table) == 20_000


def test_variants_are_counted_timed_and_scored_on_their_labels(
    session: Session, answer: Answer
) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        serving.start_canary(scope, "demand", model(2))
    ones = answer([1.0, 2.0, 3.0], latency_us=2000)
    twos = answer([1.0, 2.0], version=2, variant="canary", latency_us=4000)
    answer([666.0], version=2, variant="canary", error="too hot")
    answer([9.0], version=3)  # no variant of this deployment any more
    labels = pa.table({"prediction_id": [*ones[:2], *twos, "unknown"], "label": [2, 4, 2, 4, 9]})
    champion, canary = serving.rollout_stats(session, "demand", NOW, NOW + HOUR, labels)
    assert (champion.requests, champion.errors, champion.p95_ms) == (3, 0, 2.0)
    assert (champion.labelled, champion.metric) == (2, 1.5)  # 1 for 2 and 2 for 4
    assert (canary.requests, canary.errors, canary.p95_ms) == (3, 1, 4.0)
    assert (canary.labelled, canary.metric) == (2, 0.0)
    verdicts = serving.judge_canary(champion, canary, serving.Rollout(min_requests=2, metric="mae"))
    assert serving.conclude(verdicts) == "advance"  # one failure is no evidence yet


def test_without_labels_nothing_is_scored(session: Session, answer: Answer) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    answer([1.0])
    (champion,) = serving.rollout_stats(session, "demand", NOW, NOW + HOUR)
    assert (champion.requests, champion.labelled, champion.metric) == (1, 0, None)
