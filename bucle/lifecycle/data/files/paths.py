"""Which paths a version of files may have: those that lie below its folder on every system."""

import re

from bucle.base.errors import Invalid

_LONGEST_PART_BYTES = 255
_LONGEST_BYTES = 4096
_SHORT = 63  # letters, which no encoding makes longer than a part may be
# Most paths pass at once; what does not is looked at again, for what is wrong with it.
_PART = r"(?!\.{1,2}(?:/|\Z))[^/\\:\x00-\x1f\x7f\ud800-\udfff]+"
_PLAIN = re.compile(rf"{_PART}(?:/{_PART})*")


def check_path(path: str) -> str:
    """Return a path that may be one of a version's.

    Raises:
        Invalid: it is empty or absolute, climbs out, has a backslash or a control character, is
            no Unicode, or is longer than a file's name may be.
    """
    if len(path) <= _SHORT and _PLAIN.fullmatch(path):
        return path
    if reason := _objection(path):
        raise Invalid(
            f"{path[:200]!r} cannot be the path of a file: {reason}",
            hint="a path is relative, such as 'train/cats/0001.jpg'; rename the file",
        )
    return path


def _objection(path: str) -> str:
    parts = path.split("/")
    if not path or path.startswith("/"):
        return "it is absolute" if path else "it is empty"
    if any(part in {"", ".", ".."} for part in parts):
        return "it has an empty part, '.' or '..'"
    if "\\" in path or ":" in parts[0][1:2]:
        return "on some systems it leads elsewhere"
    if any(ord(letter) < ord(" ") or ord(letter) == 0x7F for letter in path):  # noqa: PLR2004 - DEL
        return "it has a control character"
    return _encoded_objection(path)


def _encoded_objection(path: str) -> str:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "its name is not in UTF-8"
    if len(encoded) > _LONGEST_BYTES:
        return f"it is longer than {_LONGEST_BYTES} bytes"
    if any(len(part) > _LONGEST_PART_BYTES for part in encoded.split(b"/")):
        return f"a part is longer than {_LONGEST_PART_BYTES} bytes"
    return ""
