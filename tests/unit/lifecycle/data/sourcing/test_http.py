"""A document is fetched when it has changed, from nowhere odd, and no larger than allowed."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bucle.base.errors import BucleError, Invalid, NotFound, Unavailable
from bucle.drivers.blobs.drafts import open_draft
from bucle.drivers.documents import Document, Wanted, fetch_document
from bucle.governance.session import Session
from tests.unit.lifecycle.data.sourcing.shop import declare, ids, plain, pull, report


class Site:
    """A web server of one document, and what it was asked."""

    def __init__(self) -> None:
        self.body, self.etag, self.kind, self.status = b"id\n1\n", '"1"', "text/csv", 200
        self.asked: list[Any] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.headers)
                same = self.headers.get("If-None-Match") == site.etag
                self.send_response(304 if same else site.status)
                self.send_header("ETag", site.etag)
                self.send_header("Content-Type", f"{site.kind}; charset=utf-8")
                self.end_headers()
                if not same:
                    self.wfile.write(site.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/orders"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened = Site()
    yield opened
    opened.close()


def test_a_document_is_taken_when_it_has_changed(session: Session, site: Site):
    declare(session, site.url)
    assert (pull(session).rows, pull(session).version) == (1, None)
    assert site.asked[1]["If-None-Match"] == '"1"'
    site.body, site.etag, site.kind = b'[{"id": 2}, {"id": 3}]', '"2"', "application/json"
    assert (pull(session).rows, ids(session)) == (2, [2, 3])


def test_a_secret_is_sent_and_never_kept(
    session: Session, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHOP_TOKEN", "geheim")
    declare(session, site.url, headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    pull(session)
    assert site.asked[0]["Authorization"] == "Bearer geheim"
    site.status, site.etag = 401, '"2"'
    with pytest.raises(Unavailable, match="status 401") as caught:
        pull(session)
    assert "geheim" not in f"{caught.value}{plain(report(session))}"


@pytest.mark.parametrize(
    ("body", "kind", "options", "said"),
    [
        (b"id\n" + b"1\n" * 100, "text/csv", {"most_bytes": "100 B"}, "100 are allowed"),
        (b"<html>", "text/html", {}, "says neither by its name nor by its type"),
        (b"<html>", "text/html", {"format": "json"}, "can not be read as json"),
    ],
)
def test_what_is_no_table_is_told(
    session: Session, site: Site, body: bytes, kind: str, options: dict, said: str
):
    site.body, site.kind = body, kind
    declare(session, site.url, **options)
    with pytest.raises(Invalid, match=said):
        pull(session)
    assert said in report(session).error


class Peer:
    """What httpx says of the machine at the other end."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return self.address, 80


def answering(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list]:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = answers[min(len(asked), len(answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.MockTransport(answer), asked


def fetch(tmp_path: Path, transport: httpx.BaseTransport, **wanted) -> tuple[Any, list[float]]:
    waits: list[float] = []
    with ExitStack() as drafts:
        found = fetch_document(
            Wanted(url="http://shop.example/a.csv", **wanted),
            lambda: drafts.enter_context(open_draft(tmp_path)),
            wait=waits.append,
            transport=transport,
        )
    return found, waits


def from_(address: str, status: int = 200, **headers: str) -> httpx.Response:
    extensions = {"network_stream": Peer(address)}
    return httpx.Response(status, headers=headers, content=b"id\n1\n", extensions=extensions)


def test_what_may_pass_is_tried_again_and_waits_as_long_as_the_server_asks(tmp_path: Path):
    busy = httpx.Response(503, headers={"Retry-After": "7"})
    transport, asked = answering(busy, httpx.ConnectTimeout("slow"), httpx.Response(200))
    found, waits = fetch(tmp_path, transport)
    assert isinstance(found, Document)
    assert (waits, len(asked)) == ([7.0, 1.0], 3)
    with pytest.raises(Unavailable, match="did not answer in 4 attempts: status 500"):
        fetch(tmp_path, answering(httpx.Response(500))[0])
    with pytest.raises(NotFound, match="status 404"):
        fetch(tmp_path, answering(httpx.Response(404))[0])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"])
def test_an_address_that_is_not_public_is_refused_where_the_settings_say_so(
    tmp_path: Path, address: str
):
    with pytest.raises(Invalid, match="not public"):
        fetch(tmp_path, answering(from_(address))[0], public_only=True)
    assert fetch(tmp_path, answering(from_(address))[0])[0].name == "a.csv"
    assert fetch(tmp_path, answering(from_("93.184.215.14"))[0], public_only=True)[0]


def test_a_redirect_takes_no_secret_along_and_leads_to_no_neighbour(tmp_path: Path):
    away = from_("93.184.215.14", 302, Location="http://other.example/b.csv")
    transport, asked = answering(away, from_("93.184.215.15"))
    found, _ = fetch(tmp_path, transport, headers={"Authorization": "Bearer x"})
    assert found.name == "b.csv"
    assert [("authorization" in request.headers) for request in asked] == [True, False]
    with pytest.raises(Invalid, match="not public"):
        fetch(tmp_path, answering(away, from_("10.0.0.1"))[0])
    with pytest.raises(Invalid, match="redirects more than 5 times"):
        fetch(tmp_path, answering(away)[0])
    odd = from_("93.184.215.14", 302, Location="file:///etc/passwd")
    with pytest.raises(Invalid, match="leads to"):
        fetch(tmp_path, answering(odd)[0])


def test_an_address_that_is_none_is_told(tmp_path: Path):
    with pytest.raises(BucleError, match="can not be"):
        fetch_document(Wanted(url="http://[::bad/"), lambda: None)  # type: ignore[arg-type,return-value]
