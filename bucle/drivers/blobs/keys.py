"""What may be a key: a relative path that cannot climb out of its store."""

from bucle.base.errors import Invalid

INCOMING = ".incoming"  # where the file driver keeps unfinished blobs; no key may lie there
_LONGEST_KEY_BYTES = 1024  # S3's limit
_LONGEST_PART_BYTES = 255  # a file name's limit


def check_key(key: str) -> str:
    """Return the key, if every driver can hold it.

    Raises:
        Invalid: empty, absolute, too long, with `.` or `..` or empty parts, with a backslash
            or a control character, or in the folder kept for unfinished blobs.
    """
    reason = _objection(key)
    if reason:
        raise Invalid(
            f"{key[:200]!r} cannot be a blob's key: {reason}",
            hint="a key is a relative path such as 'models/churn/weights.onnx'",
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return the folder that a prefix names, without its trailing slash.

    Raises:
        Invalid: the prefix could not be the beginning of a key.
    """
    folder = prefix.removesuffix("/")
    return check_key(folder) if folder else ""


def _objection(key: str) -> str:
    parts = key.split("/")
    if not key:
        return "it is empty"
    if key.startswith("/"):
        return "it is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "it has an empty part, '.' or '..'"
    if "\\" in key or not key.isprintable():
        return "it has a backslash or a control character"
    if parts[0] == INCOMING:
        return f"{INCOMING!r} is kept for unfinished blobs"
    return _length_objection(key, parts)


def _length_objection(key: str, parts: list[str]) -> str:
    if len(key.encode()) > _LONGEST_KEY_BYTES:
        return f"it is longer than {_LONGEST_KEY_BYTES} bytes"
    if any(len(part.encode()) > _LONGEST_PART_BYTES for part in parts):
        return f"a part is longer than {_LONGEST_PART_BYTES} bytes"
    return ""
