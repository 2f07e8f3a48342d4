from pathlib import Path

import pytest

from bucle.base.errors import Unavailable
from bucle.drivers.blobs import BlobStore, open_blobs
from tests.support.processes import free_port


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return open_blobs("s3://bucket/folder")


def test_a_store_that_does_not_answer_is_unavailable_and_the_hint_names_its_variables(
    nowhere: BlobStore, tmp_path: Path
) -> None:
    for ask in (nowhere.get, nowhere.exists, nowhere.delete):
        with pytest.raises(Unavailable, match="s3://bucket/folder") as caught:
            ask("a")
        assert "AWS_ENDPOINT_URL" in caught.value.hint
    with pytest.raises(Unavailable, match="cannot write a"):
        nowhere.put("a", b"x")
    with pytest.raises(Unavailable, match="cannot list"):
        list(nowhere.list())
    with pytest.raises(Unavailable, match="cannot download a"):
        nowhere.download("a", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_message_is_one_line(nowhere: BlobStore) -> None:
    with pytest.raises(Unavailable) as caught:
        nowhere.get("a")
    assert "\n" not in str(caught.value)
