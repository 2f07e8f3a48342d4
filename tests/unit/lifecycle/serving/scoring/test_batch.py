import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, NotInstalled, Refused
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.session import House, Session
from bucle.lifecycle import data, registry
from bucle.lifecycle.features import Entity, FeatureView, register_view
from bucle.lifecycle.serving.scoring import batch
from bucle.lifecycle.serving.scoring.batch import score_dataset
from bucle.lifecycle.serving.scoring.parts import working_in
from bucle.lifecycle.serving.scoring.records import BatchWish
from tests.support.linear import model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIPS = Ref("dataset", "trips")


def rows(*heats: float) -> pa.Table:
    return pa.table({"heat": list(heats), "city": ["here"] * len(heats), "trip": [*heats]})


def wish(**more: object) -> BatchWish:
    return BatchWish(**{"model": model(2), "dataset": TRIPS, **more})  # type: ignore[arg-type]


def trained_on(session: Session, *views: Ref) -> Ref:
    """Register the first version's package again, as trained on these views."""
    with session.begin(write=False) as scope:
        first = registry.get_version(scope, model(1))
    package = registry.read_package(session, first.manifest, allow_pickle=True)
    return registry.register(session, "demand", package, registry.Registration(views=views)).ref


def predictions(session: Session, name: str = "trips_scored") -> list[float]:
    found: list[float] = data.read_table(session, name)["prediction"].to_pylist()
    return found


def test_rows_and_predictions_are_a_version_that_says_what_it_came_from(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0, 2.0))
    made = score_dataset(session, wish())
    assert (made.rows, made.source, made.model) == (2, TRIPS.at(1), model(2))
    assert made.output == Ref("dataset", "trips_scored", 1)
    table = data.read_table(session, made.output)
    assert table.to_pylist() == [
        {"heat": heat, "city": "here", "trip": heat, "prediction": 2 * heat,
         "model_ref": "model:demand@2"}
        for heat in (1.0, 2.0)
    ]  # fmt: skip
    with session.begin(write=False) as scope:
        nodes = trace(scope, made.output, up=True).nodes
    assert {"model:demand@2", "dataset:trips@1"} <= {*nodes}


def test_only_the_wanted_columns_are_kept_under_the_wanted_name(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0))
    score_dataset(session, wish(output="told", columns=("trip",)))
    assert data.read_table(session, "told").column_names == ["trip", "prediction", "model_ref"]


def test_scoring_the_same_again_changes_nothing(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0))
    first, second = score_dataset(session, wish()), score_dataset(session, wish())
    assert first.output == second.output


def test_only_new_rows_are_scored_and_appended(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0, 2.0))
    score_dataset(session, wish(only_new=True))
    assert score_dataset(session, wish(only_new=True)).output is None
    for _ in range(2):  # the same rows may come twice
        data.commit_table(session, "trips", rows(3.0 + _), mode="append")
        data.commit_table(session, "trips", rows(9.0), mode="append")
        done = score_dataset(session, wish(only_new=True, model=model(1)))
    assert done.rows == 1
    assert predictions(session) == [2.0, 4.0, 3.0, 9.0, 4.0]


def test_where_older_rows_changed_all_are_scored_anew(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0, 2.0))
    score_dataset(session, wish(only_new=True))
    data.commit_table(session, "trips", rows(5.0))
    score_dataset(session, wish(only_new=True))
    assert predictions(session) == [10.0]


def test_an_attempt_that_was_cut_off_is_taken_over(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for heats in ((1.0, 2.0), (3.0,), (4.0,)):
        data.commit_table(session, "trips", rows(*heats), mode="append")
    scored = batch.score_part

    def dying(predictor: object, package: object, part: object) -> int:
        if part.group == 0 and part.target.endswith("2.parquet"):  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return scored(predictor, package, part)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "score_part", dying)
    with pytest.raises(KeyboardInterrupt):
        score_dataset(session, wish())
    monkeypatch.undo()
    made = score_dataset(session, wish())
    assert (made.rows, made.taken_over) == (4, 3)
    assert predictions(session) == [2.0, 4.0, 6.0, 8.0]
    folder = session.drivers.cache_path / "scoring"
    assert [*folder.iterdir()] == []


def test_a_part_of_which_half_is_there_is_scored_anew(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0))
    job = batch._looked_up(session, wish())
    folder = batch._folder(session, job)
    folder.mkdir(parents=True)
    (folder / "part-000000.parquet").write_bytes(b"PAR1 half")
    assert score_dataset(session, wish()).taken_over == 0
    assert predictions(session) == [2.0]


def test_two_do_not_score_the_same_at_once(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0))
    job = batch._looked_up(session, wish())
    with working_in(batch._folder(session, job)), pytest.raises(Conflict, match="another process"):
        score_dataset(session, wish())


def test_processes_give_the_same_rows_in_the_same_order(session: Session) -> None:
    for start in range(0, 40, 10):
        data.commit_table(
            session, "trips", rows(*map(float, range(start, start + 10))), mode="append"
        )
    score_dataset(session, wish(compute="process"))
    assert predictions(session) == [2.0 * heat for heat in range(40)]


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"compute": "ray"}, NotInstalled, "no compute driver for Ray"),
        ({"columns": ("nothing",)}, Invalid, "no column 'nothing'"),
        ({"at": "nothing"}, Invalid, "no column 'nothing'"),
        ({"model": model(99)}, NotFound, "demand@99"),
        ({"dataset": Ref("dataset", "nowhere")}, NotFound, "nowhere"),
        ({"dataset": Ref("dataset", "bare")}, Invalid, "lacks the column 'heat'"),
        ({"dataset": Ref("dataset", "twice")}, Invalid, "'prediction' would be in"),
        ({"dataset": Ref("dataset", "hot")}, Invalid, "'heat' takes float64"),
    ],
)
def test_what_can_not_be_scored_is_refused_with_the_reason(
    asked: dict[str, object], kind: type[Exception], said: str, session: Session
) -> None:
    data.commit_table(session, "trips", rows(1.0))
    data.commit_table(session, "bare", pa.table({"x": [1]}))
    data.commit_table(session, "twice", rows(1.0).append_column("prediction", pa.array([1])))
    data.commit_table(session, "hot", pa.table({"heat": ["warm"], "city": ["here"]}))
    with pytest.raises(kind, match=said):
        score_dataset(session, wish(**asked))
    with session.begin(write=False) as scope:
        assert data.find_head(scope, "trips_scored") is None


def test_a_package_that_was_changed_scores_nothing(session: Session) -> None:
    data.commit_table(session, "trips", rows(1.0))
    root = Path(session.drivers.blobs.url.removeprefix("file://"))
    for path in sorted(root.glob("content/**/*")):
        if path.is_file() and b"too hot" in path.read_bytes():
            path.chmod(0o600)
            path.write_bytes(path.read_bytes().replace(b"too hot", b"too cold"))
    with pytest.raises(Refused, match="changed after it was registered"):
        score_dataset(session, wish())


@pytest.mark.parametrize("own", [False, True])
def test_features_are_filled_in_as_they_were_known_at_each_rows_time(
    own: bool,  # noqa: FBT001 - a case
    session: Session,
) -> None:
    warmth = FeatureView(
        name="warmth", entity=Entity(name="town", keys=("town",)), source="weather", time="at",
        columns=("heat",), owner="me", description="How warm it is",
    )  # fmt: skip
    moments = [NOW.replace(day=day) for day in (1, 5)]
    weather = pa.table({"town": ["A", "A"], "at": moments, "heat": [1.0, 5.0]})
    data.commit_table(session, "weather", weather)
    with session.begin() as scope:
        register_view(scope, warmth)
        data.declare(scope, data.DatasetSpec(name="trips", time="when"))
    asked = pa.table({
        "town": ["A", "A", "A"], "when": [*moments[::-1], NOW.replace(day=9)], "city": ["x"] * 3,
    })  # fmt: skip
    if own:  # what the dataset says itself holds
        asked = asked.append_column("heat", pa.array([7.0, 8.0, 9.0]))
    data.commit_table(session, "trips", asked)
    trained = trained_on(session, Ref("feature_view", "warmth", 1))
    made = score_dataset(session, wish(model=trained))
    table = data.read_table(session, "trips_scored")
    if own:
        assert table["prediction"].to_pylist() == [7.0, 8.0, 9.0]
        assert made.features == ()
        return
    assert table["prediction"].to_pylist() == table["heat"].to_pylist() == [5.0, 1.0, 5.0]
    assert {str(ref) for ref in made.features} == {"feature_view:warmth@1", "dataset:weather@1"}


_KILLED = """
import os, signal, sys
from bucle.base.refs import Ref
from bucle.lifecycle.serving.scoring import batch
from bucle.lifecycle.serving.scoring.records import BatchWish
from bucle.testing.houses import open_test_house
from pathlib import Path

scored, done = batch.score_part, []

def dying(*given):
    done.append(scored(*given))
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return done[-1]

batch.score_part = dying
session = open_test_house(Path(sys.argv[1])).session()
batch.score_dataset(
    session, BatchWish(model=Ref("model", "demand", 2), dataset=Ref("dataset", "trips"))
)
"""


def test_after_kill_9_the_parts_that_were_scored_are_taken_over(
    house: House, session: Session
) -> None:
    for heats in ((1.0,), (2.0,), (3.0,)):
        data.commit_table(session, "trips", rows(*heats), mode="append")
    killed = subprocess.run([sys.executable, "-c", _KILLED, house.settings.home], check=False)
    assert killed.returncode == -signal.SIGKILL
    made = score_dataset(session, wish())
    assert (made.rows, made.taken_over) == (3, 2)
    assert predictions(session) == [2.0, 4.0, 6.0]
