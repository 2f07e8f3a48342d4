"""Where an artifact lies: the proxy's one tree of paths, cut into owners and their files.

The client knows roots such as `mlflow-artifacts:/<experiment>/<run>/artifacts`,
`.../<experiment>/models/<model>/artifacts` and `.../<experiment>/traces/<trace>/artifacts`; an
experiment's own location may stand in the place of its number.  What lies under no such root
belongs to the project itself.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle.tracking.files import checked_folder, checked_path

SCHEME = "mlflow-artifacts:"
_ROOT = "artifacts"
_KINDS = {"models": "logged_model", "traces": "trace"}
_NUMBER = re.compile(r"[0-9]{1,19}")
_MOST_DECODINGS = 10


@dataclass(frozen=True)
class Place:
    """Whose file, and which one; an empty path is the owner's root."""

    owner: Ref
    path: str


def decoded_path(path: str) -> str:
    """Return a path that was percent-encoded any number of times, if it stays where it is.

    Raises:
        Invalid: it is absolute, climbs (`..`), or holds what no file's name may.
    """
    return checked_path(_decoded(path))


def decoded_folder(path: str) -> str:
    """Return a folder as `decoded_path` returns a path; an empty one is the root.

    Raises:
        Invalid: as `decoded_path`.
    """
    return checked_folder(_decoded(path))


def place_of(path: str, project: str, is_run: Callable[[str], bool]) -> Place:
    """Return whose file a checked path of the proxy is; `is_run` tells whether a run has an id."""
    for owner, rest, is_certain in _candidates(path):
        if is_certain or (owner.kind == "run" and is_run(owner.name)):
            return Place(owner, rest)
    for owner, rest, _ in _candidates(path):
        if owner.kind != "run":
            return Place(owner, rest)
    return Place(Ref("project", project), path)


def _candidates(path: str) -> Iterator[tuple[Ref, str, bool]]:
    """Yield every owner that a path could mean, and whether it is beyond doubt.

    Below an experiment's number it is; in an experiment's own location there may be a folder
    that is called `artifacts`, too.
    """
    parts = path.split("/")
    for at in range(1, len(parts)):
        if parts[at] != _ROOT:
            continue
        rest = "/".join(parts[at + 1 :])
        kind = _KINDS.get(parts[at - 2]) if at > 1 else None
        first = at - 2 if kind else at - 1
        is_certain = first == 1 and _NUMBER.fullmatch(parts[0]) is not None
        if kind:
            yield Ref(kind, parts[at - 1]), rest, is_certain
        yield Ref("run", parts[at - 1]), rest, is_certain and not kind


def _decoded(path: str) -> str:
    for _ in range(_MOST_DECODINGS):
        further = unquote(path, errors="surrogateescape")
        if further == path:
            return path
        path = further
    raise Invalid(f"{path[:200]!r} is percent-encoded too many times")
