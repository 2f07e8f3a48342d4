"""A version as other libraries read it: the same rows, however they are asked for."""

import pickle
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bucle.base.errors import Invalid, NotInstalled
from bucle.interfaces.client import Client
from bucle.interfaces.client.datasets import Dataset
from bucle.interfaces.client.loading import Loader, Position, Shard, Shuffle
from bucle.interfaces.client.local import InProcess
from bucle.testing.houses import open_test_house

ROWS = 1_000
ABOVE = [("fare", ">", 0.5)]


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """A dataset of ten files, of which the older ones lack a column."""
    parquet = import_module("bucle.lifecycle.data.parquet")
    whole = parquet.ROWS_PER_FILE
    parquet.ROWS_PER_FILE = 100
    house = open_test_house(tmp_path_factory.mktemp("readers"))
    client = Client(InProcess(house.session(), owns_house=True))
    trips = client.dataset("trips")
    rng = np.random.default_rng(5)
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "fare": rng.random(ROWS),
            "riders": pa.array([None if n % 7 == 0 else n % 4 for n in range(ROWS)]),
            "city": [f"city {n % 13}" for n in range(ROWS)],
            "at": pa.array(np.arange(ROWS) * 1_000_000, pa.timestamp("us", "UTC")),
        }
    )
    trips.commit(table.slice(0, 400).drop_columns(["city"]))
    trips.commit(table.slice(400), mode="append", evolve=True)
    yield trips
    parquet.ROWS_PER_FILE = whole
    house.close()


def ids(loader: Loader) -> list[list[int]]:
    return [batch["id"].tolist() for batch in loader]


def flat(batches: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(batches))


def test_a_filter_reads_the_rows_that_meet_it(trips: Dataset) -> None:
    whole = trips.read()
    wanted = whole.filter(pc.field("fare") > 0.5).select(["id", "city"])
    assert trips.read(columns=["id", "city"], filter=ABOVE).equals(wanted)
    assert trips.read(columns=["id", "city"], filter=pc.field("fare") > 0.5).equals(wanted)
    batches = list(trips.batches(columns=["id", "city"], filter=ABOVE, rows=50))
    assert max(batch.num_rows for batch in batches) <= 50
    assert pa.Table.from_batches(batches).combine_chunks().equals(wanted.combine_chunks())


def test_a_scan_has_all_rows_and_all_columns(trips: Dataset) -> None:
    scan = trips.scan()
    assert scan.count_rows() == ROWS
    assert scan.to_table().equals(trips.read())


def test_a_relation_of_duckdb_has_the_rows(trips: Dataset) -> None:
    relation = trips.relation()
    assert relation.columns == list(trips.read().column_names)
    assert relation.filter("fare > 0.5").aggregate("count(*)").fetchall() == [
        (trips.read(filter=ABOVE).num_rows,)
    ]
    assert relation.order("id").to_arrow_table()["at"].equals(trips.read()["at"])


def test_a_frame_of_pandas_has_the_rows(trips: Dataset) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = trips.pandas(columns=["id", "fare"], filter=ABOVE)
    wanted = trips.read(columns=["id", "fare"], filter=ABOVE).to_pandas()
    assert frame.equals(wanted)


def test_a_lazy_frame_of_polars_has_the_rows(trips: Dataset) -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = trips.polars()
    assert frame.collect().to_arrow().column_names == list(trips.read().column_names)
    found = frame.filter(pl.col("fare") > 0.5).select("id", "city").collect()
    wanted = trips.read(columns=["id", "city"], filter=ABOVE)
    assert found.to_dict(as_series=False) == wanted.to_pydict()


@pytest.mark.parametrize(
    ("package", "read"),
    [
        ("polars", lambda trips: trips.polars()),
        ("torch", lambda trips: trips.loader().torch()),
    ],
)
def test_a_library_that_is_not_installed_is_named(
    trips: Dataset, monkeypatch: pytest.MonkeyPatch, package: str, read: Any
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package] + [package]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NotInstalled, match=package) as error:
        read(trips)
    assert f"pip install {package}" in str(error.value.hint)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"columns": ["fare", "far"]}, "no column 'far'"),
        ({"filter": [("far", ">", 1)]}, "no column 'far'"),
        ({"filter": [("fare", "over", 1)]}, "is no condition"),
        ({"filter": [3]}, "is no condition"),
        ({"filter": "fare > 1"}, "is no condition"),
    ],
)
def test_what_can_not_be_asked_for_is_told(
    trips: Dataset, asked: dict[str, Any], said: str
) -> None:
    for read in (trips.read, trips.batches, trips.loader):
        with pytest.raises(Invalid, match=said):
            read(**asked)


def test_a_loader_without_a_seed_gives_the_rows_as_they_were_committed(trips: Dataset) -> None:
    found = ids(trips.loader(rows=64))
    assert [len(batch) for batch in found] == [64] * 15 + [40]
    assert flat(found) == list(range(ROWS))


def test_the_types_of_a_batch_do_not_depend_on_what_is_in_it(trips: Dataset) -> None:
    kinds = [
        {name: values.dtype.kind for name, values in batch.items()}
        for batch in trips.loader(rows=3)
    ]
    assert kinds == [{"id": "i", "fare": "f", "riders": "f", "city": "O", "at": "M"}] * 334


def test_a_seed_gives_the_same_order_and_every_epoch_another(trips: Dataset) -> None:
    shuffle = Shuffle(seed=3, buffer_rows=250)
    loader, again = (trips.loader(rows=64, shuffle=shuffle) for _ in range(2))
    first, second = ids(loader), ids(loader)
    assert [ids(again), ids(again)] == [first, second]
    assert first != second
    for epoch in (first, second):
        assert sorted(flat(epoch)) == list(range(ROWS))
        assert flat(epoch)[:100] != sorted(flat(epoch)[:100])
    assert ids(trips.loader(rows=64, shuffle=4)) != first


@pytest.mark.parametrize("where", [None, ABOVE])
@pytest.mark.parametrize("shuffle", [None, Shuffle(seed=3, buffer_rows=250)])
def test_a_loader_goes_on_where_it_was(trips: Dataset, where: Any, shuffle: Any) -> None:
    whole = ids(trips.loader(rows=64, shuffle=shuffle, filter=where))
    for cut in (0, 1, 5, len(whole) - 1, len(whole)):
        loader = trips.loader(rows=64, shuffle=shuffle, filter=where)
        begun = iter(loader)
        given = [next(begun)["id"].tolist() for _ in range(cut)]
        assert loader.position == Position(batches=cut)
        other = trips.loader(rows=64, shuffle=shuffle, filter=where)
        other.resume(loader.position)
        assert given + ids(other) == whole
        assert other.position == Position(epoch=1)


def test_batches_that_were_given_are_not_read_again(
    trips: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = trips.loader(rows=100)
    loader.resume(Position(batches=9))
    read: list[object] = []
    plain = loader._read
    monkeypatch.setattr(loader, "_read", lambda piece: read.append(piece) or plain(piece))
    assert ids(loader) == [list(range(900, 1000))]
    assert len(read) == 1


@pytest.mark.parametrize("world", [1, 2, 3, 16])
@pytest.mark.parametrize("where", [None, ABOVE])
def test_shards_share_the_rows_between_them(trips: Dataset, world: int, where: Any) -> None:
    shards = [
        flat(ids(trips.loader(shuffle=3, filter=where, shard=Shard(rank, world))))
        for rank in range(world)
    ]
    assert sorted(flat(shards)) == trips.read(filter=where)["id"].to_pylist()
    if where is None:
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_a_shard_that_there_is_not_is_refused(trips: Dataset) -> None:
    with pytest.raises(Invalid, match="rank 2 of 2"):
        trips.loader(shard=Shard(2, 2))
    with pytest.raises(Invalid, match="a batch of 0 rows"):
        trips.loader(rows=0)


def test_a_whole_number_that_a_fraction_can_not_be_is_refused(trips: Dataset) -> None:
    big = Dataset("big", call=trips._call, put=trips._put, get=trips._get)
    big.commit([{"n": None}, {"n": 2**53 + 1}])
    with pytest.raises(Invalid, match="'n' may be missing"):
        list(big.loader())


def test_a_loader_travels_to_another_process(trips: Dataset) -> None:
    loader = trips.loader(rows=64, shuffle=3, filter=pc.field("fare") > 0.5)
    assert ids(pickle.loads(pickle.dumps(loader))) == ids(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_pytorch_gets_every_row_once_and_goes_on_where_it_was(trips: Dataset, workers: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def batches(at: Position) -> list[list[int]]:
        loader = trips.loader(rows=64, columns=["id", "fare", "city"], shuffle=3)
        loader.resume(at)
        loaded = torch.utils.data.DataLoader(loader.torch(), batch_size=None, num_workers=workers)
        found = list(loaded)
        assert all(isinstance(batch["fare"], torch.Tensor) for batch in found)
        return [batch["id"].tolist() for batch in found]

    whole = batches(Position())
    assert sorted(flat(whole)) == list(range(ROWS))
    for cut in (5, len(whole) - 1):
        assert batches(Position(batches=cut)) == whole[cut:]


def test_only_some_rows_are_in_memory(trips: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = trips.loader(rows=10, shuffle=Shuffle(seed=1, buffer_rows=200))
    read: list[int] = []
    plain = loader._read
    monkeypatch.setattr(loader, "_read", lambda piece: read.append(piece.rows) or plain(piece))
    batches = iter(loader)
    next(batches)
    assert sum(read) <= 200
    assert sum(1 for _ in batches) == 99


def test_files_are_given_as_they_lie(trips: Dataset) -> None:
    files = trips.paths()
    assert len(files) == 10
    assert all(isinstance(file, Path) and file.is_file() for file in files)
