from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.engine import open_engine


@pytest.mark.parametrize(
    "url",
    ["", "duckdb", "sqlite:", "duckdb:file.db", "duckdb://host", "duckdb:?memori=1GB",
     "duckdb:?threads=0", "duckdb:?threads=two", "duckdb:?memory=much"],
)  # fmt: skip
def test_a_url_that_is_wrong_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        open_engine(url)


def test_options_reach_the_engine() -> None:
    engine = open_engine("duckdb:?memory=300MB&threads=1")
    found = engine.query(
        "SELECT current_setting('threads') AS threads, current_setting('memory_limit') AS memory",
        tables={},
    )
    engine.close()
    assert found.to_pylist() == [{"threads": 1, "memory": "286.1 MiB"}]


def test_a_sort_larger_than_memory_spills_to_disk(tmp_path: Path) -> None:
    engine = open_engine("duckdb:?memory=100MB&threads=1")
    rows = engine.write_parquet(
        "SELECT range AS a, hash(range) AS h FROM range(8000000) ORDER BY h",
        tables={},
        path=tmp_path / "sorted.parquet",
    )
    engine.close()
    assert rows == 8_000_000


def test_what_cannot_be_spilled_is_unavailable_and_the_hint_gives_more_memory() -> None:
    engine = open_engine("duckdb:?memory=50MB&threads=1")
    with pytest.raises(Unavailable, match="Out of Memory") as caught:
        engine.query("SELECT list(range) AS everything FROM range(50000000)", tables={})
    assert "duckdb:?memory=" in caught.value.hint
    assert engine.query("SELECT 1 AS one", tables={}).num_rows == 1
    engine.close()


def test_closing_removes_what_was_spilled() -> None:
    engine = open_engine("duckdb:")
    spill = Path(engine._spill.name)
    assert spill.is_dir()
    engine.close()
    assert not spill.exists()


def test_a_folder_that_cannot_be_written_is_unavailable() -> None:
    engine = open_engine("duckdb:")
    with pytest.raises(Unavailable):
        engine.write_parquet("SELECT 1 AS one", tables={}, path=Path("/proc/bucle/out.parquet"))
    engine.close()


def test_a_sum_of_integers_cannot_overflow() -> None:
    engine = open_engine("duckdb:")
    table = pa.table({"a": [2**63 - 1, 2**63 - 1]})
    found = engine.query("SELECT sum(a) AS total FROM t", tables={"t": table})
    engine.close()
    assert int(found["total"][0].as_py()) == 2**64 - 2
