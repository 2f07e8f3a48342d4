import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.interfaces.client.importing.open import open_source


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("/nowhere/mlruns", NotFound, "is not there"),
        ("sqlite:////nowhere/mlflow.db", NotFound, "is not there"),
        ("mysql://root@host/mlflow", Invalid, "a store of mysql: can not be read"),
        ("databricks://profile", Invalid, "a store of databricks: can not be read"),
    ],
)
def test_what_is_no_store_is_told_with_what_could_be(text, error, says):
    with pytest.raises(error, match=says) as told:
        open_source(text)
    assert told.value.hint


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(Invalid, match="is not a SQLite database"):
        open_source(str(tmp_path / "x.txt"))


def test_a_servers_url_needs_no_server_to_be_opened():
    source = open_source("http://127.0.0.1:1/")
    assert source.where == "http://127.0.0.1:1"
    source.close()
