"""Read a request's path and query as they came over the wire.

Paths are cut before they are decoded, so that a name may hold a slash, an `@` or any letter
(`%2F`): one segment is one value.
"""

from urllib.parse import parse_qs, unquote_to_bytes

from bucle.base.errors import Invalid
from bucle.interfaces.http.answers import Request


def raw_path(request: Request) -> str:
    """Return the path as it came over the wire, still percent-encoded."""
    scope = request.scope
    return bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")


def segments_of(path: str) -> list[str]:
    """Cut a raw path at its slashes, then decode each part.

    Raises:
        Invalid: a part is not percent-encoded UTF-8.
    """
    try:
        return [unquote_to_bytes(part).decode() for part in path.strip("/").split("/")]
    except UnicodeDecodeError as error:
        raise Invalid(f"the path {path!r} is not percent-encoded UTF-8") from error


def query_of(request: Request) -> dict[str, list[str]]:
    """Return the query's values by name.

    Raises:
        Invalid: it is not percent-encoded UTF-8.
    """
    raw = request.scope["query_string"].decode("latin-1")
    if not raw:
        return {}
    try:
        return parse_qs(raw, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Invalid(f"the query can not be read: {error}") from error
