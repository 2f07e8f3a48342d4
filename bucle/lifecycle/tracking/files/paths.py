"""What may be the path of a file: relative, in `/`, and never out of its owner's folder."""

import re

from bucle.base.errors import Invalid

_PART_BYTES = 255  # what a file system takes: files are downloaded under these names
_PATH_BYTES = 1000
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


def checked_path(path: str) -> str:
    """Return the path, if a file may lie there on every machine.

    Raises:
        Invalid: empty, absolute, too long, with `.` or `..` or empty parts, a backslash, a
            drive's letter or a control character.
    """
    reason = _objection(path)
    if reason:
        raise Invalid(
            f"{path[:200]!r} can not be the path of an artifact: {reason}",
            hint="write a relative path such as plots/residuals.png",
        )
    return path


def checked_folder(path: str) -> str:
    """Return the folder without slashes at its end; nothing and `.` are the owner's root.

    Raises:
        Invalid: as `checked_path`.
    """
    folder = path.rstrip("/") if path.strip("/") else path
    return "" if folder in {"", "."} else checked_path(folder)


def ancestors_of(path: str) -> tuple[str, ...]:
    """Return every folder that a path lies in, below the root."""
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def _objection(path: str) -> str:
    parts = path.split("/")
    if not path:
        return "it is empty"
    if path.startswith("/") or any(_DRIVE.match(part) for part in parts):
        return "it is absolute, or names a drive"
    if any(part in {"", ".", ".."} for part in parts):
        return "it has an empty part, '.' or '..'"
    if _CONTROL.search(path):
        return "it has a backslash or a control character"
    if len(path.encode()) > _PATH_BYTES or any(len(part.encode()) > _PART_BYTES for part in parts):
        return f"it is longer than {_PATH_BYTES} bytes, or a part of it than {_PART_BYTES}"
    return ""
