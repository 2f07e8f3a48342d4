"""Fetch one document over HTTP: only if it has changed, no more than allowed, and from nowhere odd.

A server that fetches what people name can be sent to its own neighbours.  So an address that is
not public is refused where the settings say so, and a redirect never leads from a public address
to one that is not, nor carries headers to another host.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from bucle.base.errors import Invalid, NotFound, Unavailable
from bucle.base.urls import without_password
from bucle.base.version import __version__
from bucle.drivers.blobs.drafts import Draft

_ATTEMPTS = 4
_MOST_REDIRECTS = 5
_LONGEST_WAIT_S = 30.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNCHANGED, _OK = 304, 200

Wait = Callable[[float], None]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A document, and which of its versions is known."""

    url: str
    headers: Mapping[str, str] = {}
    etag: str = ""
    modified: str = ""
    timeout_s: float = 60.0
    most_bytes: int = 1_000_000_000
    public_only: bool = False  # whether addresses that are not public are refused


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was fetched."""

    etag: str
    modified: str
    content_type: str
    name: str  # the last part of its address


class _Passing(Exception):  # noqa: N818 - it is caught here: another attempt may not meet it
    """A refusal that may pass, and how long to wait if the server says so."""

    def __init__(self, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.wait_s = wait_s


def fetch_document(
    wanted: Wanted,
    draft_of: Callable[[], Draft],
    *,
    wait: Wait = time.sleep,
    transport: httpx.BaseTransport | None = None,
) -> Document | None:
    """Fetch a document into a new draft; None: it is the version that is known.

    Raises:
        Invalid: it is larger than allowed, or lies at an address that is not.
        NotFound: it is not there (404, 410).
        Unavailable: the server refuses, or does not answer after some attempts.
    """
    try:
        shown = without_password(wanted.url)
    except ValueError as error:
        raise Invalid(f"the address of the document can not be fetched: {error}") from error
    for attempt in range(_ATTEMPTS):
        try:
            # Its own connections each time: what is fetched once an hour keeps none open.
            with httpx.Client(timeout=wanted.timeout_s, transport=transport) as client:
                return _fetched(client, wanted, draft_of)
        except (_Passing, httpx.TransportError) as error:
            if attempt == _ATTEMPTS - 1:
                raise Unavailable(
                    f"{shown} did not answer in {_ATTEMPTS} attempts: {error}",
                    hint="check the address, or pull again later",
                ) from error
            asked = error.wait_s if isinstance(error, _Passing) else None
            wait(min(asked if asked is not None else 0.5 * 2**attempt, _LONGEST_WAIT_S))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            raise Invalid(f"{shown!r} can not be fetched: {error}") from error
    raise AssertionError("the last attempt returns or raises")


def _fetched(
    client: httpx.Client, wanted: Wanted, draft_of: Callable[[], Draft]
) -> Document | None:
    url, headers = wanted.url, _headers(wanted)
    was_public = True
    for hop in range(_MOST_REDIRECTS + 1):
        with client.stream("GET", url, headers=headers) as answer:
            is_public = _is_public(answer)
            if not is_public and (wanted.public_only or (hop and was_public)):
                raise Invalid(
                    f"{without_password(url)} lies at an address that is not public",
                    hint="on a server that may fetch from its neighbours: "
                    "BUCLE_SOURCE_NETWORK=any; a public address never leads there",
                )
            if answer.status_code not in _REDIRECTS:
                return _kept(answer, wanted, draft_of)
            was_public = is_public
            target = urljoin(url, answer.headers.get("location", ""))
        if urlsplit(target).scheme not in {"http", "https"}:
            raise Invalid(f"{without_password(wanted.url)} leads to {target[:100]!r}")
        if urlsplit(target).netloc != urlsplit(url).netloc:
            headers = {name: value for name, value in headers.items() if name in _OWN_HEADERS}
        url = target
    raise Invalid(f"{without_password(wanted.url)} redirects more than {_MOST_REDIRECTS} times")


_OWN_HEADERS = frozenset({"User-Agent", "If-None-Match", "If-Modified-Since"})


def _headers(wanted: Wanted) -> dict[str, str]:
    own = {"User-Agent": f"bucle/{__version__}"}
    if wanted.etag:
        own["If-None-Match"] = wanted.etag
    elif wanted.modified:
        own["If-Modified-Since"] = wanted.modified
    return own | dict(wanted.headers)


def _kept(answer: httpx.Response, wanted: Wanted, draft_of: Callable[[], Draft]) -> Document | None:
    shown = without_password(wanted.url)
    status = answer.status_code
    if status == _UNCHANGED:
        return None
    if status in _PASSING:
        raise _Passing(f"status {status}", _retry_after(answer))
    if status in {404, 410}:
        raise NotFound(f"{shown} is not there (status {status})", hint="check the address")
    if status != _OK:
        raise Unavailable(
            f"{shown} was refused with status {status}",
            hint="check what it wants of whoever asks: headers: {Authorization: 'Bearer ${TOKEN}'}",
        )
    promised = answer.headers.get("content-length", "")
    _require_small(int(promised) if promised.isdigit() else 0, wanted)
    draft = draft_of()
    for part in answer.iter_bytes():
        draft.write(part)
        _require_small(draft.size_bytes, wanted)
    return Document(
        etag=answer.headers.get("etag", ""),
        modified=answer.headers.get("last-modified", ""),
        content_type=answer.headers.get("content-type", "").partition(";")[0].strip().lower(),
        name=urlsplit(str(answer.url)).path.rpartition("/")[2],
    )


def _require_small(count: int, wanted: Wanted) -> None:
    if count > wanted.most_bytes:
        raise Invalid(
            f"{without_password(wanted.url)} has {count} bytes or more; {wanted.most_bytes} are "
            "allowed",
            hint="allow more: most_bytes: 10 GB",
        )


def _retry_after(answer: httpx.Response) -> float | None:
    """Return how long a server asks to wait (RFC 9110, 10.2.3); None: it does not say."""
    text = answer.headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _is_public(answer: httpx.Response) -> bool:
    """Tell whether the machine that answered has a public address: the name says nothing."""
    stream: Any = answer.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if not peer:
        return True
    return ipaddress.ip_address(str(peer[0]).partition("%")[0]).is_global
