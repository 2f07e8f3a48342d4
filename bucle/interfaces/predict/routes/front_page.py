"""`GET /` in a browser: what is served here, and a line for each that can be typed as it is."""

import shlex
from html import escape

from bucle.base.codec import encode
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.requests import Done, Handler, Reply, Request, json_reply
from bucle.interfaces.predict.routes.admin import Health
from bucle.interfaces.predict.watch import PlanWatcher

_HTML = b"text/html; charset=utf-8"
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#8881;padding:.7rem;overflow-x:auto}"
)


class FrontPage:
    """The page for a person; programs that ask for the same address get what `/health` says."""

    def __init__(self, watcher: PlanWatcher, health: Health) -> None:
        self._watcher = watcher
        self._health = health

    def find(self, request: Request) -> Handler | None:
        """Return what answers at `/`, or None."""
        return self._show if request.method in {"GET", "HEAD"} and not request.segments else None

    def _show(self, request: Request, done: Done) -> None:
        if b"text/html" not in request.headers.get(b"accept", b""):
            done(json_reply(200, self._health.now()))
            return
        host = request.headers.get(b"host", b"").decode("latin-1")
        board = self._watcher.board
        told = [_told(one, host, is_open=board.plans[one.project].open) for one in board.served]
        body = "".join(told) or "<p>Nothing is served yet.</p>"
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Bucle model server</title>'
            f"<style>{_STYLE}</style><h1>Bucle model server</h1>{body}"
            '<p><a href="/health">health</a> · <a href="/metrics">metrics</a> · '
            '<a href="/v2">open inference protocol</a></p></html>'
        )
        done(Reply(200, page.encode(), _HEADERS, _HTML))


def _told(served: Served, host: str, *, is_open: bool) -> str:
    name = escape(served.name)
    if not served.loaded:
        return f"<h2>{name}</h2><p>Serves no version yet. {escape(served.problem)}</p>"
    shares = ", ".join(
        f"{escape(one.told)} ({escape(one.variant.role)}, {one.variant.weight:.0%})"
        for one in served.loaded
    )
    problem = f"<p>{escape(served.problem)}</p>" if served.problem else ""
    return (
        f"<h2>{name}</h2><p>{shares}</p>{problem}"
        f"<pre>{escape(curl_line(served, host, is_open=is_open))}</pre>"
    )


def curl_line(served: Served, host: str, *, is_open: bool) -> str:
    """Return a command that asks for a prediction of the package's own example."""
    example = served.loaded[0].engine.example
    row = {name: column[0] for name, column in example.items() if column}
    words = ["curl", f"http://{host}/predict/{served.name}"]
    if not is_open:
        words += ["-H", "Authorization: Bearer $BUCLE_TOKEN"]
    quoted = [f'"{word}"' if "$" in word else shlex.quote(word) for word in words]
    return " ".join([*quoted, "-d", shlex.quote(encode(row).decode())])
