"""Uploads in parts, by the bare protocol; a server whose store takes no parts says so."""

import os

import pytest
import requests

PROXY = "/api/2.0/mlflow-artifacts"


class Upload:
    """One upload of three parts below a run, as a client would do it."""

    def __init__(self, protocol, folder, name="w.bin"):
        self.protocol, self.folder, self.name = protocol, folder, name
        self.begun = self.call("create", num_parts=3)

    def call(self, how, **fields):
        body = {"path": f"/home/ana/{self.name}", **fields}
        return self.protocol.send("POST", f"{PROXY}/mpu/{how}/{self.folder}", json=body)

    def send(self, number, content):
        """Send a part to the address it was given, with nothing but the headers that came along."""
        given = self.begun.json()["credentials"][number - 1]
        answer = requests.put(given["url"], content, headers=given.get("headers") or {}, timeout=60)
        assert answer.ok, answer.text
        etag = answer.headers["ETag"]
        return {"part_number": number, "etag": etag, "url": given["url"]}

    def complete(self, parts):
        return self.call("complete", upload_id=self.begun.json()["upload_id"], parts=parts)

    def abort(self):
        return self.call("abort", upload_id=self.begun.json()["upload_id"])

    def content(self):
        """Return the file that became of it, or None."""
        answer = self.protocol.send("GET", f"{PROXY}/artifacts/{self.folder}/{self.name}")
        return answer.content if answer.ok else None


@pytest.fixture
def upload(protocol, client, run):
    below = client.get_run(run).info.artifact_uri.split(":", 1)[1].lstrip("/")
    begun = Upload(protocol, below)
    if begun.begun.status_code == 501:
        assert begun.begun.json()["error_code"] == "NOT_IMPLEMENTED"
        pytest.skip("the store of artifacts of this server takes no parts")
    assert begun.begun.ok, begun.begun.text
    return begun


PARTS = [os.urandom(5 << 20), os.urandom(5 << 20), b"the end"]


def test_an_upload_is_told_an_address_for_each_part(upload):
    told = upload.begun.json()
    assert told["upload_id"]
    assert [int(one["part_number"]) for one in told["credentials"]] == [1, 2, 3]
    assert len({one["url"] for one in told["credentials"]}) == 3


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)], ids=str)
def test_parts_in_any_order_become_the_file(upload, client, run, order):
    sent = {number: upload.send(number, PARTS[number - 1]) for number in order}
    assert upload.content() is None
    answer = upload.complete([sent[number] for number in (1, 2, 3)])
    assert (answer.status_code, answer.json()) == (200, {})
    assert upload.content() == b"".join(PARTS)
    (file,) = client.list_artifacts(run)
    assert (file.path, file.file_size) == ("w.bin", sum(map(len, PARTS)))


def test_a_part_that_was_sent_again_counts_as_it_came_last(upload):
    upload.send(1, b"x" * (5 << 20))
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    assert upload.complete(sent).ok
    assert upload.content() == b"".join(PARTS)


def test_parts_that_are_named_out_of_order_are_refused(upload):
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    assert upload.complete(sent[::-1]).status_code >= 400
    assert upload.content() is None


def test_a_part_that_was_not_sent_is_refused_and_may_come_later(upload):
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2)]
    missing = {**sent[1], "part_number": 3}
    assert upload.complete([*sent, missing]).status_code >= 400
    assert upload.content() is None
    assert upload.complete([*sent, upload.send(3, PARTS[2])]).ok
    assert upload.content() == b"".join(PARTS)


def test_a_part_that_is_not_as_it_was_sent_is_refused(upload):
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    sent[1]["etag"] = sent[0]["etag"]
    assert upload.complete(sent).status_code >= 400
    assert upload.content() is None


def test_a_client_that_lost_the_answer_may_complete_again(upload):
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    assert upload.complete(sent).ok
    assert upload.complete(sent).ok
    assert upload.content() == b"".join(PARTS)


def test_what_was_aborted_is_not_completed(upload, client, run):
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    answer = upload.abort()
    assert (answer.status_code, answer.json()) == (200, {})
    assert upload.complete(sent).status_code >= 400
    assert upload.content() is None
    assert client.list_artifacts(run) == []


def test_two_uploads_of_one_file_do_not_mix(upload):
    other = Upload(upload.protocol, upload.folder)
    mine = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    theirs = [other.send(number, PARTS[number - 1][::-1]) for number in (1, 2, 3)]
    assert other.complete(theirs).ok
    assert upload.complete(mine).ok
    assert upload.content() == b"".join(PARTS)


def test_an_upload_replaces_the_file_that_was_there_only_when_it_is_complete(upload):
    path = f"{PROXY}/artifacts/{upload.folder}/{upload.name}"
    assert upload.protocol.send("PUT", path, data=b"before").ok
    sent = [upload.send(number, PARTS[number - 1]) for number in (1, 2, 3)]
    assert upload.content() == b"before"
    assert upload.complete(sent).ok
    assert upload.content() == b"".join(PARTS)
