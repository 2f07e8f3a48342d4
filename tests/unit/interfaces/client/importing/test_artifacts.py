import pytest

from bucle.interfaces.client.importing.artifacts import Places, spans_in
from bucle.interfaces.client.importing.source import Unreadable


@pytest.fixture
def places(tmp_path):
    (tmp_path / "art" / "deep").mkdir(parents=True)
    (tmp_path / "art" / "deep" / "ñ %.txt").write_text("x")
    return Places(tmp_path, proxied=str(tmp_path))


@pytest.mark.parametrize(
    "uri",
    ["art", "./art", "file://{base}/art", "{base}/art", "mlflow-artifacts:/art",
     "mlflow-artifacts://host/art"],
)  # fmt: skip
def test_a_folder_is_read_however_it_is_written(places, tmp_path, uri):
    files = places.open(uri.format(base=tmp_path))
    found = list(files.list())
    assert [(file.path, file.size_bytes) for file in found] == [("deep/ñ %.txt", 1)]
    assert files.fetch(found[0], tmp_path).read_text() == "x"


def test_a_root_that_is_not_there_has_no_files(places):
    assert list(places.open("nowhere").list()) == []


@pytest.mark.parametrize("uri", ["dbfs:///x/y", "ftp://host/x", "hdfs://host/x"])
def test_what_lies_where_nobody_can_read_is_told_when_it_is_listed(places, uri):
    with pytest.raises(Unreadable, match="can not be read"):
        list(places.open(uri).list())


def test_what_a_server_hands_on_is_not_guessed(tmp_path):
    with pytest.raises(Unreadable, match="--artifacts-from"):
        list(Places(tmp_path).open("mlflow-artifacts:/1/run/artifacts").list())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"spans": 3}', b"\xff"])
def test_spans_that_are_none_are_told(content):
    with pytest.raises(Unreadable):
        spans_in(content)
