"""Addresses of sources: of which kind they are, with their secrets, and as people may see them."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from bucle.base.errors import Invalid
from bucle.base.urls import without_password

CLOUDS = frozenset({"s3", "gs", "az", "file"})
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SENSITIVE = re.compile(
    r"pass|secret|token|key|auth|cookie|signature|credential|^sig$|^pwd$", re.IGNORECASE
)
_LONGEST_NAME = 200


def kind_of(url: str) -> str:
    """Return sql, http, files or topic.

    Raises:
        Invalid: it is no address.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or not rest:
        raise Invalid(
            f"{without_password(url)!r} is not the address of a source",
            hint="postgresql://..., https://..., s3://bucket/*.csv, file:///in/*.csv, topic:name",
        )
    if scheme in {"http", "https"}:
        return "http"
    if scheme == "topic":
        return "topic"
    return "files" if scheme in CLOUDS else "sql"


def require_no_secret(url: str, headers: Mapping[str, str]) -> None:
    """Refuse a password or token that is written out: a declaration is read by many.

    Raises:
        Invalid: one is, or the address can not be read.
    """
    try:
        password = urlsplit(_hidden(url)).password
    except ValueError as error:
        raise Invalid(f"the address of the source can not be read: {error}") from error
    if password and not _is_reference(password):
        raise _written_out("the address has a password", "PASSWORD")
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    for name, value in [*query, *headers.items()]:
        if value and _SENSITIVE.search(name) and not _SECRET.search(value):
            raise _written_out(f"{name!r} looks like a secret, and", name.upper().replace("-", "_"))


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """Put what the environment says in the place of each `${NAME}`.

    Raises:
        Invalid: a variable is not set.
    """

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in environ:
            raise Invalid(
                f"the source needs the variable {name!r}, which is not set where it is pulled",
                hint=f"export {name}=... before bucle up or bucle data pull",
            )
        return environ[name]

    return _SECRET.sub(value, text)


def shown(url: str, table: str = "") -> str:
    """Return an address as facts, logs and people see it: without who signs in, and how."""
    plain = without_password(_hidden(url)) if "@" in url or "?" in url else url
    return f"{plain}#{table}" if table else plain


def name_of(shown_url: str) -> str:
    """Return an address as the name of a thing in the lineage."""
    return shown_url.replace("@", "%40")[:_LONGEST_NAME]


def _hidden(url: str) -> str:
    """Take the braces out of references, so that an address can be taken apart."""
    return _SECRET.sub(lambda found: f"$%7B{found.group(1)}%7D", url)


def _is_reference(password: str) -> bool:
    return bool(_SECRET.fullmatch(password.replace("%7B", "{").replace("%7D", "}")))


def _written_out(said: str, name: str) -> Invalid:
    return Invalid(
        f"{said} is written out, where everybody would read it",
        hint=f"write ${{{name}}} there, and set that variable where the source is pulled",
    )
