"""Artifacts over the protocol: what comes back, what is refused, what is left behind."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.digest import digest_bytes
from bucle.base.refs import Ref
from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.lifecycle.tracking.files import list_files
from tests.support.asgi import request

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
ROOT = f"{PROXY}/0/run1/artifacts"
OUTSIDE = ["../x", "..%2Fx", "%2e%2e/x", "%252e%252e%252fx", "a/../../x", "a/..%5c..%5cx", "/etc/x",
           "%2Fetc%2Fpasswd", "C:/x", "C:%5Cx", "a%00b", "a%0Ab", "./x", "a//b"]  # fmt: skip
PIECES = ["..", ".", "/", "%2e", "%2F", "%5c", "%25", "a", "%00", "\\", "%c3%28", "C:", "%23"]


def files_of(house, owner):
    with house.session().begin(write=False) as scope:
        return {file.path: file.digest for file in list_files(scope, owner)}


def test_what_is_uploaded_is_downloaded(call):
    assert call("PUT", f"{ROOT}/plots/a%20b/%C3%B1.txt", b"hello").status == 200
    found = call("GET", f"{ROOT}/plots/a%20b/%C3%B1.txt")
    assert (found.status, found.body) == (200, b"hello")
    assert found.headers["content-type"].startswith("text/plain")
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%B1.txt"
    assert found.headers["x-content-type-options"] == "nosniff"


def test_files_belong_to_the_run_the_model_or_the_trace_whose_root_they_lie_in(call, house):
    for root in ("0/r/artifacts", "7/models/m-1/artifacts", "0/traces/tr-1/artifacts"):
        call("PUT", f"{PROXY}/{root}/artifacts/x", b"x")
    call("PUT", f"{PROXY}/elsewhere/x", b"x")
    digest = digest_bytes(b"x")
    assert files_of(house, Ref("run", "r")) == {"artifacts/x": digest}
    assert files_of(house, Ref("logged_model", "m-1")) == {"artifacts/x": digest}
    assert files_of(house, Ref("trace", "tr-1")) == {"artifacts/x": digest}
    assert files_of(house, Ref("project", "default")) == {"elsewhere/x": digest}


def test_a_folder_is_listed_by_names_with_the_sizes_of_files(call):
    call("PUT", f"{ROOT}/m/MLmodel", b"1234")
    call("PUT", f"{ROOT}/m/data/w", b"")
    assert call("GET", f"{PROXY}?path=0/run1/artifacts").json == {
        "files": [{"path": "m", "is_dir": True}]
    }
    assert call("GET", f"{PROXY}?path=0%2Frun1%2Fartifacts%2Fm").json["files"] == [
        {"path": "MLmodel", "is_dir": False, "file_size": 4},
        {"path": "data", "is_dir": True},
    ]
    assert call("GET", f"{PROXY}?path=0/run1/artifacts/m/MLmodel").json == {"files": []}


def test_a_part_of_a_file_is_sent_for_a_range(call):
    call("PUT", f"{ROOT}/a", b"0123456789")
    found = call("GET", f"{ROOT}/a", range="bytes=2-4")
    assert (found.status, found.body) == (206, b"234")
    assert found.headers["content-range"] == "bytes 2-4/10"
    assert call("GET", f"{ROOT}/a", range="bytes=-3").body == b"789"
    assert call("GET", f"{ROOT}/a", range="bytes=20-").status == 416
    assert call("GET", f"{ROOT}/a", range="bytes=" + "9" * 5000 + "-").status == 200


def test_what_is_not_there_does_not_exist_and_a_folder_is_no_file(call):
    call("PUT", f"{ROOT}/m/x", b"x")
    missing = call("GET", f"{ROOT}/no.txt")
    assert (missing.status, missing.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    folder = call("GET", f"{ROOT}/m")
    assert (folder.status, folder.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_removed_folder_is_gone_and_removing_it_again_is_no_error(call):
    call("PUT", f"{ROOT}/m/x", b"x")
    call("PUT", f"{ROOT}/n", b"x")
    for _ in range(2):
        assert call("DELETE", f"{ROOT}/m").status == 200
    assert call("GET", f"{PROXY}?path=0/run1/artifacts").json["files"] == [
        {"path": "n", "is_dir": False, "file_size": 1}
    ]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leads_elsewhere_is_refused_in_every_encoding(call, house, method, path):
    answer = call(method, f"{ROOT}/{path}", b"x" if method == "PUT" else None)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    listed = call("GET", f"{PROXY}?path=0/run1/artifacts/{path}")
    assert listed.status == 400
    assert list(house.drivers.blobs.list()) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
@given(path=st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_no_path_is_a_bug_or_leaves_its_owner(call, house, path):
    answer = call("PUT", f"{ROOT}/{path}", b"x")
    assert answer.status in {200, 400, 404}
    owners = {Ref("run", "run1"), Ref("project", "default")}
    for owner in owners:
        for kept in files_of(house, owner):
            assert not {"", ".", ".."} & set(kept.split("/"))


def test_who_may_only_read_uploads_nothing(app, house):
    with house.session().begin() as scope:
        add_principal(scope, "eve")
        grant(scope, "eve", "viewer")
        viewer = create_token(scope, principal="eve")
    headers = {"authorization": f"Bearer {viewer.bearer}"}
    for method, body in (("PUT", b"x"), ("DELETE", b"")):
        answer = request(app, method, f"{ROOT}/a", body, headers)
        assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
    assert request(app, "GET", f"{PROXY}?path=0/run1/artifacts", headers=headers).status == 200
    assert list(house.drivers.blobs.list()) == []
