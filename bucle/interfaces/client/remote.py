"""The transport to a server: operations over HTTP, with patience where calling again is safe."""

import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from bucle.base.codec import decode, encode, to_builtins
from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import STATUS, BucleError, Denied, Invalid, Refused, Unavailable
from bucle.interfaces.client.places import place_of
from bucle.interfaces.client.transport import Progress, silent
from bucle.interfaces.http.problem import Problem, error_of
from bucle.interfaces.operations.filling import text_of_plain
from bucle.interfaces.operations.table import AnyOperation

_PAUSES_S = (0.1, 0.3, 1.0, 2.0, 4.0)  # about seven seconds: a server that restarts is waited for
_AGAIN = frozenset({502, 503, 504})
_CONNECT_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 120.0
_CHUNK_BYTES = 1 << 18
_BY_STATUS = {401: Denied} | {status: kind for kind, (status, _) in STATUS.items()}
_FIELD = re.compile(r"{(\w+)}")


class OverHttp:
    """Operations at a server; see `Transport`.

    A call that only reads, or that puts the same thing twice, is made again after a connection
    error or a 502, 503 or 504; any other only if the server was not reached at all.
    """

    def __init__(
        self,
        url: str,
        token: str,
        project: str,
        *,
        home: Path,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise Invalid(f"{url!r} is not a server's URL", hint="write http://<host>:<port>")
        self._url = url.rstrip("/")
        self._project = project
        self._home = home
        self._cache = home / "cache" / "downloads"
        self._pause = pause
        headers = {"authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
        self._http = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)

    @property
    def project(self) -> str:
        """The project that calls are made in."""
        return self._project

    @property
    def where(self) -> str:
        """The server's URL."""
        return self._url

    @property
    def spool_path(self) -> Path:
        """The folder of spools of this server's project."""
        return place_of(self._home, self._url, self._project)

    @property
    def cache_path(self) -> Path:
        """The cache of this machine's home."""
        return self._home / "cache"

    def call(self, row: AnyOperation, request: msgspec.Struct) -> Any:  # noqa: ANN401 - the row's response
        """Run an operation at the server."""
        plain = to_builtins(request)
        path = _FIELD.sub(lambda found: segment(plain.pop(found.group(1))), row.path)
        options: dict[str, Any] = {}
        if row.method == "GET":
            options["params"] = text_of_plain(row.request, plain)
        else:
            options["content"] = encode(plain)
            options["headers"] = {"content-type": "application/json"}
        if row.work is not None:  # a training takes what it takes
            options["timeout"] = httpx.Timeout(None, connect=_CONNECT_TIMEOUT_S)
        answer = self._send(row.method, path, **options)
        return decode(answer.content, row.response)

    def put_content(self, content: bytes | Path, progress: Progress = silent) -> str:
        """Upload content, unless the server has it, and return its digest."""
        if isinstance(content, Path):
            digest, label, length = digest_file(content), content.name, content.stat().st_size
        else:
            digest, label, length = digest_bytes(content), "upload", len(content)
        path = f"/content/{digest}"
        if self._send("HEAD", path, missing_is_fine=True).status_code == httpx.codes.OK:
            return digest

        def chunks() -> Iterator[bytes]:
            moved = 0
            for part in _parts(content):
                yield part
                moved += len(part)
                progress(label, moved, length)

        headers = {"content-length": str(length), "content-type": "application/octet-stream"}
        self._send("PUT", path, content=chunks, headers=headers)
        return digest

    def content_file(self, digest: str, progress: Progress = silent) -> Path:
        """Download content into the cache, unless it is there, and return its file."""
        path = self._cache / "content" / digest[:2] / digest[2:4] / digest
        if path.is_file() and digest_file(path) == digest:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{digest}.{random.getrandbits(32):08x}")
        try:
            self._tried("GET", lambda: self._download(digest, draft, progress))
            found = digest_file(draft)
            if found != digest:
                raise Refused(f"the server sent {found} for content {digest}", hint="call again")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def content_part(self, digest: str, start: int, end: int) -> bytes:
        """Fetch a part of stored content."""
        if start == end:
            return b""
        headers = {"range": f"bytes={start}-{end - 1}"}
        return self._send("GET", f"/content/{digest}", headers=headers).content

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _download(self, digest: str, path: Path, progress: Progress) -> httpx.Response:
        label, moved = digest[:12], 0
        with self._http.stream("GET", self._address(f"/content/{digest}")) as answer:
            if answer.is_error:
                answer.read()
                return answer
            total = int(answer.headers.get("content-length", 0))
            with path.open("wb") as file:
                for part in answer.iter_raw(_CHUNK_BYTES):
                    file.write(part)
                    moved += len(part)
                    progress(label, moved, total)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        missing_is_fine: bool = False,
        **options: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Response:
        def attempt() -> httpx.Response:
            content = options.get("content")
            fresh = options | ({"content": content()} if callable(content) else {})
            return self._http.request(method, self._address(path), **fresh)

        return self._tried(method, attempt, missing_is_fine=missing_is_fine)

    def _tried(
        self, method: str, attempt: Callable[[], httpx.Response], *, missing_is_fine: bool = False
    ) -> httpx.Response:
        """Attempt, wait and attempt again as long as that is safe and may help."""
        again = method in {"GET", "HEAD", "PUT", "DELETE"}
        for pause in (*_PAUSES_S, None):
            try:
                answer = attempt()
            except httpx.ConnectError as error:
                problem = self._unreachable(error)
            except httpx.TransportError as error:
                problem = self._unreachable(error)
                if not again:
                    raise problem from error
            else:
                if answer.is_success or (
                    missing_is_fine and answer.status_code == httpx.codes.NOT_FOUND
                ):
                    return answer
                problem = _error_of(answer)
                if not (again and answer.status_code in _AGAIN):
                    raise problem
            if pause is None:
                raise problem
            self._pause(pause * (0.5 + random.random()))  # noqa: S311 - spread, not secrecy
        raise AssertionError("the last attempt returns or raises")

    def _address(self, path: str) -> str:
        return f"{self._url}/api/v1/{segment(self._project)}{path}"

    def _unreachable(self, error: httpx.TransportError) -> BucleError:
        return Unavailable(
            f"{self._url} does not answer: {error or type(error).__name__}",
            hint="check BUCLE_SERVER_URL, and that the server runs (bucle up)",
        )


def segment(value: object) -> str:
    """Return a value as one path segment; `.` and `..` would otherwise be walked."""
    if value is None or value == "":
        raise Invalid("a part of the address is empty", hint="name the thing that is meant")
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "%2E" * len(text) if text in {".", ".."} else quote(text, safe="")


def _parts(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, len(content), _CHUNK_BYTES):
            yield content[start : start + _CHUNK_BYTES]
        return
    with content.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            yield part


def _error_of(answer: httpx.Response) -> BucleError:
    """Return the error that an answer tells of, in the words of whoever wrote it."""
    if answer.request.method == "HEAD":  # its answer has a status and no body
        return _BY_STATUS.get(answer.status_code, Unavailable)(
            f"{answer.request.url.path} answered {answer.status_code} {answer.reason_phrase}"
        )
    try:
        return error_of(decode(answer.content, Problem))
    except Invalid:
        return Unavailable(
            f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}, "
            "and not as a Bucle server does",
            hint="check BUCLE_SERVER_URL",
        )
