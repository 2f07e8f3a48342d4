"""Find the endpoint of a method and a path: words first, then values, then a path's rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from bucle.base.errors import Invalid
from bucle.interfaces.mlflow.endpoint import AnyEndpoint

_REST = "{path}"


@dataclass(frozen=True, kw_only=True)
class Match:
    """The endpoint, and the path's values by field."""

    endpoint: AnyEndpoint
    values: dict[str, str]


class Matcher:
    """The endpoints by method and path.  Nearly all paths are plain words: one look-up."""

    def __init__(self, endpoints: Iterable[AnyEndpoint]) -> None:
        self._plain: dict[tuple[str, str], AnyEndpoint] = {}
        self._patterns: list[tuple[list[str], AnyEndpoint]] = []
        for endpoint in endpoints:
            path = f"{endpoint.version}/{endpoint.path}".lstrip("/")
            if "{" in path:
                self._patterns.append((path.split("/"), endpoint))
            elif self._plain.setdefault((endpoint.method, path), endpoint) is not endpoint:
                raise ValueError(f"two endpoints share {endpoint.method} {path}")

    def find(self, method: str, path: str) -> Match | None:
        """Return the endpoint at a raw path such as `2.0/mlflow/runs/get`, or None.

        Raises:
            Invalid: a part of the path is not percent-encoded UTF-8.
        """
        plain = self._plain.get((method, path))
        if plain is not None:
            return Match(endpoint=plain, values={})
        parts = path.split("/")
        for pattern, endpoint in self._patterns:
            if endpoint.method == method and (values := _values(pattern, parts)) is not None:
                return Match(endpoint=endpoint, values=values)
        return None


def _values(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if pattern[-1] == _REST:
        start = len(pattern) - 1
        if len(parts) <= start:
            return None
        rest = "/".join(parts[start:])
        # The rest keeps its slashes; it is decoded once, here, and checked by who takes it.
        head = _values(pattern[:-1], parts[:start])
        return None if head is None else {**head, "path": _decoded(rest)}
    if len(parts) != len(pattern):
        return None
    values = {}
    for word, part in zip(pattern, parts, strict=True):
        if word.startswith("{"):
            values[word[1:-1]] = _decoded(part)
        elif word != part:
            return None
    return values


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"the path {text!r} is not percent-encoded UTF-8") from error
