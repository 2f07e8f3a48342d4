import os
import re
from pathlib import Path

import mlflow
import pytest


def listing(client, run, path=None):
    return {file.path: (file.is_dir, file.file_size) for file in client.list_artifacts(run, path)}


def test_a_file_is_logged_listed_and_downloaded(client, run, tmp_path):
    (tmp_path / "report.txt").write_bytes(b"hello\x00\xff")
    client.log_artifact(run, str(tmp_path / "report.txt"))
    assert listing(client, run) == {"report.txt": (False, 7)}
    path = client.download_artifacts(run, "report.txt", str(tmp_path))
    assert Path(path).read_bytes() == b"hello\x00\xff"


def test_a_run_without_artifacts_lists_none(client, run):
    assert listing(client, run) == {}
    assert listing(client, run, "nothing/here") == {}


def test_nested_folders_are_listed_level_by_level(client, run, tmp_path):
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "top.txt").write_text("1")
    (source / "deep" / "er" / "leaf.txt").write_text("22")
    client.log_artifacts(run, str(source), "out")
    assert listing(client, run) == {"out": (True, None)}
    assert listing(client, run, "out") == {
        "out/deep": (True, None),
        "out/top.txt": (False, 1),
    }
    assert listing(client, run, "out/deep/er") == {"out/deep/er/leaf.txt": (False, 2)}
    target = client.download_artifacts(run, "out", str(tmp_path))
    assert sorted(path.name for path in Path(target).iterdir()) == ["deep", "top.txt"]


@pytest.mark.parametrize("name", ["ñandú 流.txt", "with space.txt", "a+b&c=d.txt"])
def test_a_name_may_hold_unicode_and_signs(client, run, tmp_path, name):
    (tmp_path / name).write_text("x")
    client.log_artifact(run, str(tmp_path / name), "folder")
    assert listing(client, run, "folder") == {f"folder/{name}": (False, 1)}
    target = tmp_path / "target"
    target.mkdir()
    path = client.download_artifacts(run, f"folder/{name}", str(target))
    assert Path(path).read_text(encoding="utf-8") == "x"


def test_an_empty_file_is_a_file(client, run, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    client.log_artifact(run, str(tmp_path / "empty"))
    assert set(listing(client, run)) == {"empty"}
    assert Path(client.download_artifacts(run, "empty", str(tmp_path))).read_bytes() == b""


def test_a_file_that_comes_again_replaces_the_first(client, run):
    client.log_text(run, "first", "a.txt")
    client.log_text(run, "second", "a.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run}/a.txt") == "second"


def test_texts_and_dicts_are_read_back(client, run):
    client.log_text(run, "ñ 流", "notes/a.txt")
    client.log_dict(run, {"a": [1, None]}, "notes/b.json")
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "ñ 流"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/notes/b.json") == {"a": [1, None]}


def test_a_file_of_nobody_is_an_error(client, run, tmp_path):
    with pytest.raises(Exception, match=r"404|not|No such"):
        client.download_artifacts(run, "nothing.txt", str(tmp_path))


def test_some_megabytes_come_back_bit_by_bit(client, run, tmp_path):
    content = os.urandom(6_000_000)
    (tmp_path / "big.bin").write_bytes(content)
    client.log_artifact(run, str(tmp_path / "big.bin"))
    target = tmp_path / "target"
    target.mkdir()
    path = client.download_artifacts(run, "big.bin", str(target))
    assert Path(path).read_bytes() == content


def test_a_file_goes_through_in_parts_where_the_client_asks_for_it(
    client, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000000")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "5242880")
    content = os.urandom(11_000_000)
    (tmp_path / "big.bin").write_bytes(content)
    client.log_artifact(run, str(tmp_path / "big.bin"), "parts")
    target = tmp_path / "target"
    target.mkdir()
    path = client.download_artifacts(run, "parts/big.bin", str(target))
    assert Path(path).read_bytes() == content


def test_parts_are_created_or_not_implemented(protocol, client, run):
    below = client.get_run(run).info.artifact_uri.split(":", 1)[1].lstrip("/")
    answer = protocol.send(
        "POST",
        f"/api/2.0/mlflow-artifacts/mpu/create/{below}/big.bin",
        json={"path": "big.bin", "num_parts": 2},
    )
    if answer.ok:
        told = answer.json()
        assert [one["part_number"] for one in told["credentials"]] == [1, 2]
        assert protocol.send(
            "POST",
            f"/api/2.0/mlflow-artifacts/mpu/abort/{below}/big.bin",
            json={"path": "big.bin", "upload_id": told["upload_id"]},
        ).ok
        assert listing(client, run) == {}
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_an_artifact_is_deleted_through_the_proxy(protocol, client, run):
    client.log_text(run, "x", "a.txt")
    below = client.get_run(run).info.artifact_uri.split(":", 1)[1].lstrip("/")
    assert protocol.send("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{below}/a.txt").ok
    assert listing(client, run) == {}


def test_artifacts_of_a_deleted_run_are_kept(client, run):
    client.log_text(run, "x", "a.txt")
    client.delete_run(run)
    assert mlflow.artifacts.load_text(f"runs:/{run}/a.txt") == "x"


CLIMBS = [
    "../secret",
    "a/../../secret",
    "%2e%2e/secret",
    "%2e%2e%2fsecret",
    "..%2fsecret",
    "..%5csecret",
    "a/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fsecret",
    "%25252e%25252e%25252fsecret",
    "..%252f..%252fsecret",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "%252fetc%252fpasswd",
    "C:%5cWindows",
    "C:/Windows",
    "..%c0%afsecret",
    "file:///etc/passwd",
    "%00",
    "%2e%2e%5c%2e%2e%5csecret",
]


@pytest.mark.parametrize("climb", CLIMBS)
def test_a_path_that_climbs_out_is_not_read(protocol, climb):
    status = protocol.raw("GET", f"/api/2.0/mlflow-artifacts/artifacts/{climb}")
    assert 400 <= status < 500


# A backslash is a sign like another in the name of a file, where no Windows runs.
WRITES = [climb for climb in CLIMBS if not re.search("%c0|%00|%5c", climb)]


@pytest.mark.parametrize("climb", WRITES)
def test_a_path_that_climbs_out_is_not_written(protocol, climb):
    status = protocol.raw("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{climb}", b"x")
    assert 400 <= status < 500


@pytest.mark.parametrize("climb", WRITES)
def test_a_path_that_climbs_out_is_not_deleted(protocol, climb):
    status = protocol.raw("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{climb}")
    assert 300 <= status < 500


@pytest.mark.parametrize("climb", ["..", "../..", "a/../../b", "/etc", "%2e%2e", "%2e%2e%2f"])
def test_a_folder_that_climbs_out_is_not_listed(protocol, run, climb):
    answer = protocol.get("artifacts/list", run_id=run, path=climb)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    answer = protocol.send("GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": climb})
    assert answer.status_code == 400
