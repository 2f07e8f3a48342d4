from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.testing.houses import open_test_house
from tests.support.logged import log_predictions

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_labels_come_from_files_and_are_shown_with_their_predictions(tmp_path: Path) -> None:
    house = open_test_house(tmp_path / "home")
    house.drivers.clock.advance(datetime(2026, 1, 2, tzinfo=UTC) - NOW)  # type: ignore[attr-defined]
    client = Client(InProcess(house.session()))
    ids = log_predictions(house, tmp_path, {"heat": [1.0, 2.0, 3.0, 4.0]}, at=NOW)
    pq.write_table(pa.table({"prediction_id": ids[:2], "label": [10, 20]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text(f"prediction_id,label\n{ids[1]},21.5\n{ids[2]},30\n{ids[3]},\n")
    first = client.call("feedback.add_file", deployment="demand", file=tmp_path / "a.parquet")
    assert (first.new, first.corrected) == (2, 0)
    second = client.call("feedback.add_file", deployment="demand", file=tmp_path / "b.csv")
    assert (second.new, second.corrected, second.received) == (1, 1, 2)
    shown = client.call("feedback.labelled", deployment="demand", limit=2)
    assert shown.total == 3
    assert [(row["heat"], row["label"]) for row in shown.rows] == [(3.0, 30.0), (2.0, 21.5)]
    (tmp_path / "c.csv").write_text("id,label\na,1\n")
    with pytest.raises(Invalid, match=r"c\.csv has no column 'prediction_id'"):
        client.call("feedback.add_file", deployment="demand", file=tmp_path / "c.csv")
    (tmp_path / "d.csv").write_text(f"prediction_id,label\n{ids[0]},2026-01-01 10:00:00\n")
    with pytest.raises(Invalid, match=r"label of d\.csv is timestamp"):
        client.call("feedback.add_file", deployment="demand", file=tmp_path / "d.csv")
    house.close()
