"""Uploads in parts, at the addresses that the door itself gives."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.asgi import request

PROXY = "/api/2.0/mlflow-artifacts"
FOLDER = "0/run1/artifacts/model"
AUTHORIZATION = "Authorization"


@pytest.fixture
def begun(call):
    return call("POST", f"{PROXY}/mpu/create/{FOLDER}", {"path": "/home/me/w.bin", "num_parts": 2})


def send(call, credential, content):
    address = urlsplit(credential["url"])
    answer = call("PUT", address.path, content)
    return {"part_number": credential["part_number"], "etag": answer.headers["etag"],
            "url": credential["url"]}  # fmt: skip


def end(call, how, begun, **fields):
    body = {"path": "/home/me/w.bin", "upload_id": begun.json["upload_id"], **fields}
    return call("POST", f"{PROXY}/mpu/{how}/{FOLDER}", body)


def test_parts_in_any_order_become_the_file(call, begun, house):
    first, second = begun.json["credentials"]
    parts = [send(call, second, b"world"), send(call, first, b"hello ")]
    assert end(call, "complete", begun, parts=parts[::-1]).status == 200
    assert call("GET", f"{PROXY}/artifacts/{FOLDER}/w.bin").body == b"hello world"
    assert [Path(blob.key).name for blob in house.drivers.blobs.list("uploads")] == ["note"]


def test_a_client_that_lost_the_answer_may_ask_again(call, begun):
    parts = [send(call, one, b"half") for one in begun.json["credentials"]]
    for _ in range(2):
        assert end(call, "complete", begun, parts=parts).status == 200
    other = [{**parts[0], "etag": "x" * 9}, parts[1]]
    assert end(call, "complete", begun, parts=other).json["error_code"] == "RESOURCE_CONFLICT"
    assert end(call, "complete", begun, parts=[]).json["error_code"] == "RESOURCE_CONFLICT"


def test_a_file_that_came_later_is_not_undone_by_an_old_upload(call, begun):
    parts = [send(call, one, b"half") for one in begun.json["credentials"]]
    assert end(call, "complete", begun, parts=parts).status == 200
    assert call("PUT", f"{PROXY}/artifacts/{FOLDER}/w.bin", b"newer").status == 200
    assert end(call, "complete", begun, parts=parts).status == 200
    assert end(call, "abort", begun).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert call("GET", f"{PROXY}/artifacts/{FOLDER}/w.bin").body == b"newer"


def test_an_upload_that_was_completed_takes_no_more_parts(call, begun):
    first, second = begun.json["credentials"]
    parts = [send(call, one, b"half") for one in (first, second)]
    assert end(call, "complete", begun, parts=parts).status == 200
    assert call("PUT", urlsplit(first["url"]).path, b"more").status == 404


def test_an_address_of_a_part_is_the_servers_own_and_opens_nothing_by_itself(app, begun):
    credential = begun.json["credentials"][0]
    assert credential["url"].startswith("http://127.0.0.1:8001/api/2.0/")
    assert credential["headers"][AUTHORIZATION].startswith("Bearer ")
    assert request(app, "PUT", urlsplit(credential["url"]).path, b"x").status == 401


def test_an_upload_that_is_aborted_leaves_nothing(call, begun, house):
    send(call, begun.json["credentials"][0], b"half")
    assert end(call, "abort", begun).status == 200
    assert list(house.drivers.blobs.list()) == []
    assert end(call, "complete", begun, parts=[]).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_a_part_that_is_missing_or_another_is_refused(call, begun):
    first, second = begun.json["credentials"]
    sent = send(call, first, b"hello ")
    for parts in ([sent], [sent, sent], [sent, {"part_number": 2, "etag": "x" * 9}],
                  [sent, {"part_number": 2, "etag": sent["etag"]}]):  # fmt: skip
        assert end(call, "complete", begun, parts=parts).status in {400, 409}
    whole = [sent, send(call, second, b"world")]
    assert end(call, "complete", begun, parts=whole).status == 200


def test_a_part_sent_twice_counts_as_it_was_answered(call, begun):
    first, second = begun.json["credentials"]
    send(call, first, b"wrong ")
    parts = [send(call, first, b"hello "), send(call, second, b"world")]
    end(call, "complete", begun, parts=parts)
    assert call("GET", f"{PROXY}/artifacts/{FOLDER}/w.bin").body == b"hello world"


@pytest.mark.parametrize("path", ["..%2F..%2Fx", "%252e%252e", "/etc"])
def test_an_upload_that_leads_elsewhere_is_refused(call, path):
    answer = call("POST", f"{PROXY}/mpu/create/{path}", {"path": "a", "num_parts": 1})
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_upload_is_of_its_project_only(call, begun):
    path = urlsplit(begun.json["credentials"][0]["url"]).path
    assert call("PUT", f"/mlflow/other{path}", b"x").status == 404


def test_a_download_in_parts_is_told_the_files_own_address(call):
    call("PUT", f"{PROXY}/artifacts/{FOLDER}/w%20x", b"0123")
    told = call("GET", f"{PROXY}/presigned/{FOLDER}/w%20x").json
    assert told["file_size"] == 4
    assert told["url"] == f"http://127.0.0.1:8001{PROXY}/artifacts/{FOLDER}/w%20x"
