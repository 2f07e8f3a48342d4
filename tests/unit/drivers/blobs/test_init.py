import pytest

from bucle.base.errors import Invalid
from bucle.drivers.blobs import open_blobs


@pytest.mark.parametrize(
    "url", ["", "blobs", "s3:", "s3://", "ftp://host/x", "file:", "file://relative", "s3:///folder"]
)
def test_a_url_of_no_known_kind_is_invalid_and_the_hint_shows_one(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        open_blobs(url)
    assert "file:///absolute/folder" in caught.value.hint


def test_a_cloud_without_its_account_is_invalid_and_the_hint_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(Invalid) as caught:
        open_blobs("az://container/folder")
    assert "AZURE_STORAGE_ACCOUNT_NAME" in caught.value.hint


def test_opening_writes_nothing(tmp_path) -> None:
    open_blobs(f"file://{tmp_path / 'blobs'}")
    assert list(tmp_path.iterdir()) == []
