import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from bucle.interfaces.client import Client
from bucle.interfaces.client.remote import OverHttp
from tests.support.processes import free_port

CHARTER = {
    "project": "p",
    "version": 1,
    "problem": "x",
    "kpi": {"name": "a", "unit": "b"},
    "set_at": "2026-01-01T00:00:00Z",
}
CONFLICT = {"error": "Conflict", "message": "changed", "hint": "read again"}


class Scripted:
    """A server that answers as it was told, in turn, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.asked.append((self.command, self.path))
                status, body = outer.answers.pop(0)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - http.server's names

            def log_message(self, *_) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def will(self, status: int, body: object = "") -> None:
        self.answers.append((status, json.dumps(body).encode()))


@pytest.fixture
def server():
    server = Scripted()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(server, tmp_path, pauses):
    with Client(OverHttp(server.url, "bucle_x_y", "my/p", home=tmp_path, pause=pauses.append)) as c:
        yield c


def test_a_reading_call_waits_for_a_server_that_restarts(server, client, pauses) -> None:
    server.will(503, {"error": "Unavailable", "message": "starting"})
    server.will(502)
    server.will(200, CHARTER)
    assert client.charter.get().problem == "x"
    assert server.asked == [("GET", "/api/v1/my%2Fp/charter")] * 3
    assert len(pauses) == 2


def test_a_call_that_would_act_twice_is_not_made_again(server, client, pauses) -> None:
    server.will(503, {"error": "Unavailable", "message": "full"})
    with pytest.raises(Unavailable, match="full"):
        client.access.add("ana")
    assert (len(server.asked), pauses) == (1, [])


def test_patience_ends(server, client, pauses) -> None:
    for _ in range(6):
        server.will(503, {"error": "Unavailable", "message": "still starting"})
    with pytest.raises(Unavailable, match="still starting"):
        client.charter.get()
    assert len(pauses) == 5


def test_a_server_that_is_not_there_is_named(tmp_path, pauses) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    client = Client(OverHttp(url, "", "p", home=tmp_path, pause=pauses.append))
    with pytest.raises(Unavailable, match=url) as gone:
        client.access.add("ana")  # never reached, so even this is tried again
    assert "BUCLE_SERVER_URL" in gone.value.hint
    assert len(pauses) == 5


def test_an_error_is_raised_as_the_class_that_it_was(server, client) -> None:
    server.will(409, CONFLICT)
    with pytest.raises(Conflict) as conflict:
        client.charter.get()
    assert (conflict.value.message, conflict.value.hint) == ("changed", "read again")


def test_what_is_no_bucle_server_is_told_as_that(server, client) -> None:
    server.will(404, "nginx")
    with pytest.raises(Unavailable, match="not as a Bucle server does"):
        client.charter.get()


@pytest.mark.parametrize(("status", "kind"), [(401, Denied), (403, Denied), (400, Invalid)])
def test_a_look_up_without_a_body_still_tells_its_error(server, client, status, kind) -> None:
    server.will(status)
    with pytest.raises(kind):
        client.put_content(b"x")


def test_content_that_the_server_has_is_not_sent_again(server, client) -> None:
    server.will(200)
    client.put_content(b"x")
    assert [method for method, _ in server.asked] == ["HEAD"]


def test_missing_content_is_not_found(server, client) -> None:
    server.will(404, {"error": "NotFound", "message": "no such blob"})
    with pytest.raises(NotFound):
        client.get_content("0" * 64)


def test_an_address_that_is_none_is_refused(tmp_path) -> None:
    with pytest.raises(Invalid, match="is not a server's URL"):
        OverHttp("localhost:8000", "", "p", home=tmp_path)
