from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid, Unavailable
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    FeatureView,
    inputs_of,
    register_view,
    training_set,
    write_training,
    write_training_set,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import BIG, CARD, LATEST, SPENDING, START, payments


def entities(rows: int) -> pa.Table:
    rng = np.random.default_rng(3)
    keys = [1, 2, BIG, BIG + 1, 99, None]
    hours = rng.integers(0, 25 * 24, rows).tolist()
    return pa.table(
        {
            "label": pa.array((["é", None] * rows)[:rows], pa.string()).dictionary_encode(),
            "card": pa.array([keys[place] for place in rng.integers(0, 6, rows)], pa.int64()),
            "at": pa.array(
                [START + timedelta(hours=hour) for hour in hours], pa.timestamp("us", "UTC")
            ),
        },
        metadata={"made": "here"},
    )


@pytest.fixture
def stretches_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_training, "_ROWS_PER_STRETCH", 7)


@pytest.mark.parametrize("rows", [0, 1, 7, 50])
@pytest.mark.usefixtures("stretches_of_seven")
def test_the_file_has_what_a_training_set_in_memory_has(
    session: Session, tmp_path: Path, rows: int
) -> None:
    commit_table(session, "payments", payments(1, 300))
    with session.begin() as scope:
        register_view(scope, SPENDING)
    asked, path = entities(rows), tmp_path / "made" / "set.parquet"
    inputs = write_training_set(session, asked.to_reader(5), [SPENDING.name, LATEST], path)
    in_memory = training_set(session, asked, [SPENDING.name, LATEST])
    written = pq.read_table(path)
    assert written.schema.equals(in_memory.schema, check_metadata=True)
    assert written.to_pylist() == in_memory.to_pylist()
    assert inputs == inputs_of(written) == inputs_of(in_memory)
    assert [each.name for each in path.parent.iterdir()] == ["set.parquet"]


def test_whole_numbers_that_sql_sums_keep_every_digit(session: Session, tmp_path: Path) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    table = pa.table({"card": [1, 1], "at": [noon] * 2, "v": [2**62] * 2})
    commit_table(session, "payments", table)
    view = msgspec.structs.replace(
        LATEST, columns=("total",),
        sql='SELECT card, "at", sum(v) AS total FROM source GROUP BY ALL',
    )  # fmt: skip
    asked = pa.table({"card": [1], "at": [noon]})
    write_training_set(session, asked.to_reader(), [view], tmp_path / "set.parquet")
    assert pq.read_table(tmp_path / "set.parquet")["total"].to_pylist() == [2**63]


@pytest.mark.usefixtures("stretches_of_seven")
def test_nothing_is_written_of_entities_that_do_not_fit(session: Session, tmp_path: Path) -> None:
    commit_table(session, "payments", payments(1, 20))
    path = tmp_path / "made" / "set.parquet"
    moments = pa.array([START] * 9 + [None], pa.timestamp("us", "UTC"))
    asked = pa.table({"card": [1] * 10, "at": moments})
    with pytest.raises(Invalid, match="row 10 of the entities has no 'at'"):
        write_training_set(session, asked.to_reader(4), [LATEST], path)
    with pytest.raises(Invalid, match="no column 'card'"):
        write_training_set(session, asked.select(["at"]).to_reader(), [LATEST], path)
    assert list(path.parent.iterdir()) == []


def test_a_place_that_can_not_be_written_is_told(session: Session, tmp_path: Path) -> None:
    commit_table(session, "payments", payments(1, 20))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="can not be written"):
        write_training_set(
            session, entities(3).to_reader(), [LATEST], tmp_path / "file" / "set.parquet"
        )


def test_a_set_larger_than_the_memory_given_is_made_all_the_same(tmp_path: Path) -> None:
    # 450,000 rows of twenty features, 79 MB, and as many in the answer, with 64 MB to sort in.
    rng, rows = np.random.default_rng(1), 450_000
    features = {f"f{place}": rng.normal(size=rows) for place in range(20)}
    micros = pa.array(rng.integers(0, 10**12, rows), pa.timestamp("us", "UTC"))
    source = pa.table({"card": rng.integers(0, 500, rows), "at": micros} | features)
    view = FeatureView(
        name="wide", entity=CARD, source="payments", time="at", columns=tuple(features),
        owner="me", description="Twenty features",
    )  # fmt: skip
    asked, path = source.select(["card", "at"]), tmp_path / "set.parquet"
    with closing(open_test_house(tmp_path)) as house:  # a commit profiles in memory
        commit_table(house.session(), "payments", source)
    with closing(open_test_house(tmp_path, engine_url="duckdb:?memory=64MB&threads=1")) as house:
        write_training_set(house.session(), asked.to_reader(65_536), [view], path)
    # Each row asks for its own moment, so that it finds itself.
    assert pq.read_table(path).select(list(features)).equals(source.select(list(features)))
