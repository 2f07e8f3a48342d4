"""Objects that arrive in a bucket are found by their pattern and fetched as they were found."""

from pathlib import Path

import msgspec
import pytest

from bucle.base.errors import NotFound, Unavailable
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.arrivals import Found, fetch_arrival, find_arrivals
from bucle.drivers.blobs.drafts import open_draft
from bucle.lifecycle import data
from bucle.testing.houses import open_test_house


def fetched(found: Found, folder: Path) -> bytes:
    with open_draft(folder) as draft:
        fetch_arrival(found, draft, most_bytes=1000)
        return draft.path.read_bytes()


def test_objects_are_found_by_pattern_and_fetched(s3_url: str, tmp_path: Path) -> None:
    blobs = open_blobs(s3_url)
    for key in ("in/b.csv", "in/a.csv", "in/c.txt", "in/deep/d.csv"):
        blobs.put(key, f"id\n{key}\n".encode())
    found = sorted(find_arrivals(f"{s3_url}/in/*.csv"), key=lambda one: one.name)
    assert [one.name for one in found] == [f"{s3_url}/in/a.csv", f"{s3_url}/in/b.csv"]
    assert fetched(found[0], tmp_path) == b"id\nin/a.csv\n"
    deep = [one.name.rpartition("/")[2] for one in find_arrivals(f"{s3_url}/in/**/*.csv")]
    assert sorted(deep) == ["a.csv", "b.csv", "d.csv"]
    blobs.put("in/a.csv", b"other")
    with pytest.raises(NotFound, match="changed while it was read"):
        fetched(found[0], tmp_path)
    with pytest.raises(NotFound):
        fetched(msgspec.structs.replace(found[0], name=f"{s3_url}/in/nothing"), tmp_path)


def test_a_bucket_that_is_not_there_is_told(s3_url: str) -> None:
    with pytest.raises((Unavailable, NotFound), match="bucle-nowhere"):
        list(find_arrivals("s3://bucle-nowhere/in/*.csv"))
    assert s3_url


def test_a_dataset_is_drawn_from_a_bucket(s3_url: str, tmp_path: Path) -> None:
    blobs = open_blobs(s3_url)
    blobs.put("in/a.csv", b"id\n1\n")
    house = open_test_house(tmp_path)
    session = house.session()
    with session.begin() as scope:
        source = data.SourceSpec(url=f"{s3_url}/in/*.csv")
        data.declare(scope, data.DatasetSpec(name="orders", source=source))
    assert data.pull(session, "orders").rows == 1
    blobs.put("in/b.csv", b"id\n2\n")
    assert (data.pull(session, "orders").rows, data.pull(session, "orders").rows) == (1, 0)
    house.close()
