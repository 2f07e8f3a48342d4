"""Follow a control plane over HTTP: plans by long poll, packages by digest, the log back.

For model servers that reach neither the database nor the blob store.  A thread of its own asks
for the next plan and tells how the last one does; everything else goes on while it waits, and
while nobody answers.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NoReturn
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from bucle.base.digest import digest_bytes
from bucle.base.errors import BucleError, Denied, Invalid, NotFound, Unavailable
from bucle.base.version import __version__
from bucle.drivers.blobs import BlobInfo
from bucle.interfaces.predict.sources import News

_WAIT_S = 30.0
_TIMEOUT_S = 20.0  # beyond the wait
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_APPLY_S = 120.0  # a plan whose packages load slower than this is reported before it is served
_PIECE_BYTES = 1 << 20
_HTTP_OK, _HTTP_SAME, _HTTP_LIMIT = 200, 304, 400
_CONTENT = "content"
_SEGMENTS = "predictions"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a follower tells of itself with each question."""

    healthy: bool = True
    problem: str = ""
    requests: int = 0
    errors: int = 0


class ControlApi:
    """The few calls that a model server makes at a control plane."""

    def __init__(self, url: str, token: str, project: str) -> None:
        """Take the address apart.

        Raises:
            Invalid: it is no address of a server.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Invalid(f"{url!r} is not a server's URL", hint="write http://<host>:<port>")
        self.url = url.rstrip("/")
        self._parts = parts
        self._base = f"{parts.path.rstrip('/')}/api/v1/{quote(project, safe='')}"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def open(self, timeout_s: float) -> HTTPConnection:
        """Return a connection that is not connected yet."""
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=timeout_s)

    def ask(
        self,
        line: HTTPConnection,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        """Send a request and return the response's head.

        Raises:
            BucleError: the server refuses.
            Unavailable: it does not answer.
        """
        try:
            line.request(method, self._base + path, body, self._headers | (headers or {}))
            answer = line.getresponse()
            if answer.status >= _HTTP_LIMIT:
                raise _error_of(answer, self.url)
        except (OSError, HTTPException) as error:
            line.close()
            raise Unavailable(
                f"{self.url} does not answer: {error or type(error).__name__}",
                hint="check BUCLE_CONTROL_URL, and that the server runs (bucle up)",
            ) from error
        return answer


class ControlPlans:
    """The project's plan, as the control plane sends it to this follower."""

    keeps = True
    told = "serving from the last known state"

    def __init__(
        self,
        api: ControlApi,
        project: str,
        follower: tuple[str, str],
        report: Callable[[], Told],
    ) -> None:
        self._api = api
        self._project = project
        self._follower = follower
        self._report = report
        self._fresh: SimpleQueue[bytes] = SimpleQueue()
        self._problem: BucleError | None = None  # None: it answered last time
        self._etag = ""
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bucle-control", daemon=True)

    def start(self, kept: Path) -> None:
        """Begin to ask; what is kept is known already."""
        with suppress(OSError):
            self._etag = digest_bytes((kept / f"{self._project}.json").read_bytes())
        self._thread.start()

    def wait_first(self, seconds: float) -> None:
        """Wait until it has answered once, or it is clear that it does not."""
        self._first.wait(seconds)

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._settled.set()

    def news(self) -> list[News]:
        """Return the plan that came since."""
        with suppress(Empty):
            return [News(self._project, self._fresh.get_nowait())]
        if (problem := self._problem) is not None:
            raise problem
        return []

    def settled(self) -> None:
        """Tell the control plane how the plan does."""
        self._settled.set()

    def _run(self) -> None:
        failed = 0
        line = self._api.open(_WAIT_S + _TIMEOUT_S)
        while not self._stop.is_set():
            try:
                self._poll(line)
            except BucleError as error:
                self._problem = error
                self._first.set()
                line.close()
                pause_s = _PAUSES_S[min(failed, len(_PAUSES_S) - 1)]
                self._stop.wait(pause_s * (0.5 + random.random()))  # noqa: S311 - spread, not secrecy
                failed += 1
            else:
                self._problem, failed = None, 0
                self._first.set()
        line.close()

    def _poll(self, line: HTTPConnection) -> None:
        told = self._report()
        name, labels = self._follower
        query = {
            "follower": name,
            "labels": labels,
            "version": __version__,
            "healthy": "true" if told.healthy else "false",
            "problem": told.problem,
            "requests": str(told.requests),
            "errors": str(told.errors),
            # The first answer says whether anybody is there.
            "wait": str(_WAIT_S if self._first.is_set() and not self._problem else 0),
        }
        path = f"/serving-plan/follow?{urlencode(query)}"
        answer = self._api.ask(line, "GET", path, headers={"if-none-match": self._etag})
        try:
            content = answer.read()
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{self._api.url} broke off: {error}") from error
        if answer.status != _HTTP_OK:
            return
        self._settled.clear()
        self._etag = answer.headers.get("etag", "").strip('"')
        self._fresh.put(content)
        self._first.set()
        self._settled.wait(_APPLY_S)


class ControlBlobs:
    """What a model server needs of a blob store, by way of the control plane.

    Content comes in, under its digest; segments of the prediction log go out.  The rest of a blob
    store's verbs is refused: nothing of a model server asks for it.
    """

    incoming_path = None

    def __init__(self, api: ControlApi) -> None:
        self._api = api
        self.url = api.url

    def download(self, key: str, path: Path) -> None:
        """Fetch content; it appears whole or not at all."""
        digest = key.rpartition("/")[2]
        part = path.with_name(f".{digest}.{random.getrandbits(32):08x}.part")
        line = self._api.open(_TIMEOUT_S)
        try:
            answer = self._api.ask(line, "GET", f"/serving-plan/content/{digest}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                while piece := answer.read(_PIECE_BYTES):
                    file.write(piece)
            part.replace(path)
        except (OSError, HTTPException) as error:
            raise Unavailable(f"content {digest[:12]} could not be fetched: {error}") from error
        finally:
            part.unlink(missing_ok=True)
            line.close()

    def put(self, key: str, content: bytes | Path) -> None:
        """Hand a segment of the prediction log over."""
        room, _, deployment, name = (*key.split("/"), "", "", "")[:4]
        if room != _SEGMENTS:
            self._refuse()
        body = content if isinstance(content, bytes) else content.read_bytes()
        path = f"/prediction-segments/{quote(deployment, safe='')}/{quote(name, safe='')}"
        line = self._api.open(_TIMEOUT_S)
        try:
            self._api.ask(line, "PUT", path, body=body).read()
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{self._api.url} broke off: {error}") from error
        finally:
            line.close()

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - a remote store
        """Return None: nothing of it lies here."""
        return None

    def get(self, key: str) -> bytes:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def take(self, key: str, path: Path) -> None:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def create(self, key: str, content: bytes | Path) -> bool:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def get_range(self, key: str, start: int, end: int) -> bytes:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def exists(self, key: str) -> bool:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def size(self, key: str) -> int:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def delete(self, key: str) -> None:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def refresh(self, key: str) -> bool:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def delete_before(self, key: str, moment: datetime) -> bool:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def version(self, key: str) -> str | None:  # noqa: ARG002 - as `_refuse` says
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Unavailable(f"a model server that follows {self.url} has no blob store")


def _error_of(answer: HTTPResponse, url: str) -> BucleError:
    """Return the error that an answer tells of, in the words of whoever wrote it."""
    content = answer.read()
    try:
        plain = json.loads(content)
        told, hint = str(plain["message"]), str(plain.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        return Unavailable(f"{url} answered {answer.status} {answer.reason}")
    kinds: dict[int, type[BucleError]] = {400: Invalid, 401: Denied, 403: Denied, 404: NotFound}
    return kinds.get(answer.status, Unavailable)(f"{url}: {told}", hint=hint)
