import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bucle.base.errors import Denied, Invalid, Unavailable
from bucle.interfaces.client.importing.ask import Server
from bucle.interfaces.client.importing.source import Unreadable


@pytest.fixture
def answers():
    """Serve a list of answers, one a request: (status, body); the last one goes on."""
    left: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keep the test quiet."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    left.append((200, b"{}"))
    yield left, f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def test_a_server_that_is_away_for_a_moment_is_asked_again(answers):
    left, url = answers
    left[:] = [(503, b""), (429, b""), (200, b'{"a": 1}')]
    pauses: list[float] = []
    assert Server(url, pause=pauses.append).call("GET", "/x") == {"a": 1}
    assert len(pauses) == 2


def test_every_page_of_a_listing_is_read(answers):
    left, url = answers
    left[:] = [
        (200, json.dumps({"runs": [1, 2], "next_page_token": "t"}).encode()),
        (200, b'{"runs": [3]}'),
    ]
    assert list(Server(url).pages("GET", "/x", "runs")) == [1, 2, 3]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(401, b"", Denied), (403, b"", Denied), (404, b"no", Unreadable), (200, b"<html>", Invalid)],
)
def test_what_a_server_refuses_is_told(answers, status, body, error):
    left, url = answers
    left[:] = [(status, body)]
    with pytest.raises(error):
        Server(url).call("GET", "/x")


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(Unavailable, match="does not answer"):
        Server("http://127.0.0.1:9", pause=lambda _: None).call("GET", "/x")


def test_a_download_is_a_file(answers, tmp_path):
    left, url = answers
    left[:] = [(502, b""), (200, b"x" * 3_000_000)]
    path = Server(url, pause=lambda _: None).download("/x", {}, tmp_path / "file")
    assert path.read_bytes() == b"x" * 3_000_000
