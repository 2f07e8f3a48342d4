import httpx
import pytest

from bucle.base.digest import digest_bytes
from bucle.base.errors import Denied, Refused
from bucle.interfaces.client import Client, connect
from tests.support.servers import Running, server

CHARTER = {"problem": "Empty docks", "kpi": {"name": "served", "unit": "trips"}}


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Running:
    with server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def http(running):
    headers = {"authorization": f"Bearer {running.token}"}
    with httpx.Client(base_url=running.url, headers=headers) as http:
        yield http


@pytest.fixture
def anybody(running):
    with httpx.Client(base_url=running.url) as http:
        yield http


@pytest.fixture
def owner(running) -> Client:
    with connect(running.url, token=running.token, project="bikes") as client:
        yield client


@pytest.mark.parametrize("path", ["/api/health", "/api/version", "/api/openapi.json"])
def test_anybody_may_ask_how_the_server_is(anybody, path) -> None:
    assert anybody.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/bikes/charter"),
        ("PUT", "/api/v1/bikes/charter"),
        ("GET", "/api/v1/bikes/nothing"),
        ("GET", f"/api/v1/bikes/content/{'0' * 64}"),
        ("PUT", f"/api/v1/bikes/content/{'0' * 64}"),
    ],
)
def test_nobody_else_is_let_in_without_a_token(anybody, method, path) -> None:
    answer = anybody.request(method, path, content=b"{}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"] == "Denied"


@pytest.mark.parametrize("token", ["bucle_a_b", "bucle__", "nonsense"])
def test_a_token_that_is_not_valid_is_not_let_in(anybody, token) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert anybody.get("/api/v1/bikes/charter", headers=headers).status_code == 401


def test_a_password_may_be_a_token(running, anybody) -> None:
    assert anybody.get("/api/v1/bikes/audit", auth=("any", running.token)).status_code == 200
    assert anybody.get("/api/v1/bikes/audit", auth=("any", "thing")).status_code == 401


def test_a_revoked_token_ends_at_once(owner, running) -> None:
    new = owner.access.create_token(note="short")
    with connect(running.url, token=new.bearer, project="bikes") as other:
        other.audit.verify()
        owner.access.revoke_token(new.token.id)
        with pytest.raises(Denied, match="not valid"):
            other.audit.verify()


def test_a_viewer_may_look_and_not_touch(owner, running) -> None:
    owner.access.add("vera")
    owner.access.grant("vera", "viewer")
    bearer = owner.access.create_token(principal="vera").bearer
    viewer = httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {bearer}"})
    assert viewer.put("/api/v1/bikes/charter", json=CHARTER).status_code == 403
    assert viewer.put(f"/api/v1/bikes/content/{'0' * 64}").status_code == 403
    assert viewer.get("/api/v1/other/charter").status_code == 403


def test_a_browser_signs_in_and_out(running) -> None:
    with httpx.Client(base_url=running.url) as browser:
        ours = {"sec-fetch-site": "same-origin"}
        form = {"token": running.token, "next": "/projects/bikes"}
        signed_in = browser.post("/sign-in", data=form, headers=ours)
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/projects/bikes")
        cookie = signed_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert browser.get("/api/v1/bikes/audit").status_code == 200
        assert browser.put("/api/v1/bikes/charter", json=CHARTER, headers=ours).status_code == 200
        browser.post("/sign-out", headers=ours)
        assert browser.get("/api/v1/bikes/audit").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "http://elsewhere.example"}, {}],
)
def test_another_site_can_not_use_a_browsers_session(running, headers) -> None:
    with httpx.Client(base_url=running.url) as browser:
        browser.post("/sign-in", data={"token": running.token})
        answer = browser.put("/api/v1/bikes/charter", json=CHARTER, headers=headers)
        assert answer.status_code == 401


def test_a_cookie_that_was_changed_is_not_valid(running) -> None:
    with httpx.Client(base_url=running.url) as browser:
        browser.post("/sign-in", data={"token": running.token})
        value = browser.cookies["bucle_session"]
        token_id, _, signature = value.partition(".")
        for forged in (f"{token_id}.{'0' * 128}", f"X{token_id}.{signature}", "nonsense"):
            answer = httpx.get(f"{running.url}/api/v1/p/audit", cookies={"bucle_session": forged})
            assert answer.status_code == 401


def test_a_wrong_token_leads_back_to_the_form(anybody) -> None:
    answer = anybody.post("/sign-in", data={"token": "wrong"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?failed=1")


def test_content_goes_in_and_out(http) -> None:
    content = bytes(range(256)) * 4000
    path = f"/api/v1/bikes/content/{digest_bytes(content)}"
    assert http.head(path).status_code == 404
    assert http.put(path, content=content).status_code == 201
    assert http.head(path).headers["content-length"] == str(len(content))
    assert http.get(path).content == content


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=2-4", 206, b"cde"),
        ("bytes=7-", 206, b"hij"),
        ("bytes=-2", 206, b"ij"),
        ("bytes=5-99", 206, b"fghij"),
        ("bytes=10-", 416, None),
        ("lines=1-2", 200, b"abcdefghij"),
    ],
)
def test_a_range_of_content_may_be_asked_for(http, asked, status, expected) -> None:
    path = f"/api/v1/bikes/content/{digest_bytes(b'abcdefghij')}"
    http.put(path, content=b"abcdefghij")
    answer = http.get(path, headers={"range": asked})
    assert answer.status_code == status
    assert expected is None or answer.content == expected


def test_content_of_another_digest_is_refused_and_not_kept(http) -> None:
    path = f"/api/v1/bikes/content/{digest_bytes(b'one')}"
    answer = http.put(path, content=b"other")
    assert answer.status_code == 400
    assert digest_bytes(b"other") in answer.json()["message"]
    assert http.head(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"problem": "x", "kpi": {"name": "a", "unit": 3}}', "$.kpi.unit"),
        (b'{"problem": "x", "kpi": {"name": "a", "unit": "b"}, "kip": 1}', "$.kip"),
        (b"x" * (17 << 20), "larger than 16 MiB"),
    ],
)
def test_a_body_that_is_wrong_is_told_where(http, body, said) -> None:
    answer = http.put("/api/v1/bikes/charter", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_a_wrong_method_is_told_the_right_ones(http) -> None:
    answer = http.delete("/api/v1/bikes/charter")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT")


def test_what_is_not_there_is_told_where_to_look(http) -> None:
    assert "openapi.json" in http.get("/api/v1/bikes/charters").json()["hint"]
    assert http.get("/api/elsewhere").status_code == 404


def test_a_stranger_who_asks_for_a_page_is_led_to_the_form(anybody) -> None:
    led = anybody.get("/elsewhere")
    assert led.status_code == 303
    assert led.headers["location"].startswith("/sign-in")


def test_names_with_slashes_and_letters_of_any_kind_arrive_whole(owner) -> None:
    name = "área 1/señal%2F+&?#.."
    made = owner.dataset(name).commit([{"a": 1}])
    assert made.ref.name == name
    assert owner.data.get(f"{name}@1") == made
    assert owner.lineage.trace(str(made.ref)).root == str(made.ref)


def test_an_errors_class_hint_and_verdicts_arrive(owner) -> None:
    owner.data.declare("strict", expectations=[{"column": "a", "max": 3}])
    with pytest.raises(Refused) as refused:
        owner.dataset("strict").commit([{"a": 5}])
    assert refused.value.because[0].ok is False
