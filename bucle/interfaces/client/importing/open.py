"""Find out what kind of store a person names, and open it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from bucle.base.errors import Invalid, NotFound
from bucle.drivers.db.foreign import open_foreign
from bucle.interfaces.client.importing.artifacts import Places
from bucle.interfaces.client.importing.ask import Server
from bucle.interfaces.client.importing.folders import FolderSource
from bucle.interfaces.client.importing.server import ServerSource
from bucle.interfaces.client.importing.source import Source
from bucle.interfaces.client.importing.tables import TableSource

_SQLITE = b"SQLite format 3\x00"
_KINDS = (
    "http://<host>:<port>, a folder mlruns, a SQLite file, sqlite:///<file> or postgresql://..."
)


def open_source(text: str, *, proxied: str = "") -> Source:
    """Open a store of MLflow: a server's URL, a folder, a SQLite file, or a database's URL.

    `proxied` is where the store's server keeps the artifacts that it hands on.

    Raises:
        Invalid: it is no store of MLflow, or of a kind that can not be read.
        NotFound: there is nothing there.
    """
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme in {"http", "https"}:
        return ServerSource(Server(text), Places(Path.cwd(), proxied))
    if scheme == "sqlite":
        return _file(Path(text.removeprefix("sqlite:///")), proxied)
    if scheme.partition("+")[0] in {"postgresql", "postgres"}:
        url = f"postgresql{text[text.index('://') :]}"
        return TableSource(open_foreign(url), _without_password(url), Places(Path.cwd(), proxied))
    if scheme not in {"", "file"}:
        raise Invalid(
            f"a store of {scheme}: can not be read",
            hint="start `mlflow server` on it and name the server's URL",
        )
    path = Path(unquote(urlsplit(text).path)) if scheme else Path(text)
    if path.is_file():
        return _file(path, proxied)
    if path.is_dir():
        inside = path / "mlruns"
        root = inside if inside.is_dir() else path
        return FolderSource(root.absolute(), Places(root.absolute().parent, proxied))
    raise NotFound(f"{text} is not there", hint=f"one of {_KINDS}")


def _file(path: Path, proxied: str) -> Source:
    path = path.absolute()
    if not path.is_file():
        raise NotFound(f"{path} is not there", hint=f"one of {_KINDS}")
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            raise Invalid(f"{path} is not a SQLite database", hint=f"one of {_KINDS}")
    return TableSource(open_foreign(path), str(path), Places(path.parent, proxied))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    name = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{name}{parts.hostname or ''}{port}{parts.path}"
