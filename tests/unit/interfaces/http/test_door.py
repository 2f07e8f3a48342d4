import asyncio

import httpx
import pytest

from bucle.base.errors import NotFound, Refused
from bucle.base.verdict import Verdict
from bucle.interfaces.http.answers import Answer, json_answer
from bucle.interfaces.http.door import Site, build_app, raw_path


async def _api(request) -> Answer:
    match raw_path(request):
        case "/api/missing":
            raise NotFound("it does not exist", hint="look elsewhere")
        case "/api/refused":
            raise Refused("no", because=[Verdict(name="mae", ok=False)])
        case "/api/bug":
            raise ZeroDivisionError("a secret of the house")
        case "/api/stream":
            return Answer(stream=iter([b"one ", b"two"]), length=7, media_type="text/plain")
    return json_answer({"at": raw_path(request)})


async def _pages(request) -> Answer:
    if raw_path(request) == "/bug":
        raise ZeroDivisionError
    return Answer(body=b"<p>", media_type="text/html")


def _page_of_problem(_request, status, problem) -> Answer:
    return Answer(status=status, body=f"<p>{problem.error}".encode(), media_type="text/html")


@pytest.fixture
def ask():
    sites = [
        Site(prefix="", answer=_pages, refuse=_page_of_problem),
        Site(prefix="/api", answer=_api),
    ]
    app = build_app(sites)

    def ask(method: str, path: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
                return await http.request(method, path)

        return asyncio.run(asked())

    return ask


def test_the_longest_prefix_answers(ask) -> None:
    assert ask("GET", "/api/x").json() == {"at": "/api/x"}
    assert ask("GET", "/apix").headers["content-type"].startswith("text/html")
    assert ask("GET", "/").text == "<p>"


def test_an_encoded_slash_stays_encoded(ask) -> None:
    assert ask("GET", "/api/a%2Fb").json() == {"at": "/api/a%2Fb"}


def test_an_error_of_ours_has_its_status_and_its_words(ask) -> None:
    answer = ask("GET", "/api/missing")
    assert answer.status_code == 404
    assert answer.json()["hint"] == "look elsewhere"
    assert ask("GET", "/api/refused").json()["verdicts"][0]["name"] == "mae"


def test_a_bug_is_told_by_an_id_and_shown_in_the_log_only(ask, caplog) -> None:
    answer = ask("GET", "/api/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["id"] in caplog.text
    assert "a secret of the house" in caplog.text


def test_a_site_words_its_own_problems(ask) -> None:
    answer = ask("GET", "/bug")
    assert (answer.status_code, answer.text) == (500, "<p>Bug")


def test_a_head_has_the_length_and_no_body(ask) -> None:
    answer = ask("HEAD", "/api/x")
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


def test_a_stream_arrives_whole(ask) -> None:
    answer = ask("GET", "/api/stream")
    assert (answer.text, answer.headers["content-length"]) == ("one two", "7")


def test_no_page_may_be_framed_or_guessed(ask) -> None:
    headers = ask("GET", "/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_a_method_that_nobody_knows_is_refused(ask) -> None:
    assert ask("TRACE", "/api/x").status_code == 405
    assert ask("TRACE", "/api/x").json()["error"] == "Invalid"
