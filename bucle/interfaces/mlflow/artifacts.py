"""The calls about artifacts, proxied: lists, downloads, uploads in one piece, removals."""

import mimetypes
from urllib.parse import quote

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.http.answers import Answer, Headers, Request, read_body
from bucle.interfaces.http.paths import query_of
from bucle.interfaces.http.transfers import Transfers
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Desk, Endpoint, Transfer
from bucle.interfaces.mlflow.places import Place, decoded_folder, decoded_path, place_of
from bucle.interfaces.mlflow.sheets import run_artifacts
from bucle.lifecycle.registry import catalog
from bucle.lifecycle.tracking import files
from bucle.lifecycle.tracking.files import Entry, File
from bucle.lifecycle.tracking.search import get_head, has_run

PROXY = "mlflow-artifacts/artifacts"
_PAGE_BYTES = 10 << 20  # as the protocol has it
_OCTETS = "application/octet-stream"
# Sent as text, whatever the machine's own list of types says.
_TEXTS = frozenset(
    {"cfg", "conf", "csv", "ini", "ipynb", "js", "json", "log", "md", "mlmodel", "mlproject", "py",
     "rst", "sql", "toml", "tsv", "txt", "xml", "yaml", "yml"}
)  # fmt: skip


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a listing."""

    path: str
    is_dir: bool
    file_size: int | msgspec.UnsetType = msgspec.UNSET  # unset: a folder


class ListFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Which folder of the proxy."""

    path: str = ""


class ListOfRun(msgspec.Struct, frozen=True, kw_only=True):
    """Which folder of which run."""

    run_id: str = ""
    run_uuid: str = ""  # as clients before 1.0 said
    path: str = ""
    page_token: str = ""


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """A listing."""

    root_uri: str | msgspec.UnsetType = msgspec.UNSET
    files: tuple[FileInfo, ...] = ()


class PresignedOfRun(msgspec.Struct, frozen=True, kw_only=True):
    """An address in a cloud for a file, which is asked for and never given."""

    path: str
    run_id: str = ""
    model_id: str = ""
    expiration: int = 900


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """Which file or folder of the proxy is to go."""

    path: str


def place_in(scope: Scope, path: str) -> Place:
    """Return whose file a checked path of the proxy is."""
    return place_of(path, scope.project, lambda id_: has_run(scope, Ref("run", id_)))


def infos(entries: tuple[Entry, ...], *, names_only: bool) -> tuple[FileInfo, ...]:
    """Return a folder's entries as the protocol has them."""
    return tuple(
        FileInfo(
            path=entry.path.rpartition("/")[2] if names_only else entry.path,
            is_dir=entry.is_folder,
            file_size=msgspec.UNSET if entry.size_bytes is None else entry.size_bytes,
        )
        for entry in entries
    )


def sent_file(transfers: Transfers, file: File, asked: str) -> Answer:
    """Answer with a file, as an attachment: nothing that was logged runs in our pages; blocks."""
    name = file.path.rpartition("/")[2]
    return transfers.answer(
        file.digest, asked, media_type=_media_type(name), headers=_attachment(name)
    )


def found_file(session: Session, path: str) -> File:
    """Return the file at a path of the proxy.

    Raises:
        Invalid: a path that can not be one, or that of a folder.
        NotFound: there is no such file.
    """
    checked = decoded_path(path)
    with session.begin(write=False) as scope:
        place = place_in(scope, checked)
        return file_at(scope, place)


def file_at(scope: Scope, place: Place) -> File:
    """Return the file at a place.

    Raises:
        Invalid: there is a folder.
        NotFound: there is nothing.
    """
    owner, path = place.owner, place.path
    if path:
        found = files.find_file(scope, owner, path) or catalog.find_package_file(scope, owner, path)
        if found:
            return found
    if _entries(scope, place):
        raise Invalid(f"{place.path!r} is a folder of artifacts, not a file")
    raise NotFound(f"{place.owner} has no artifact {place.path!r}")


def _list(session: Session, asked: ListFiles) -> Files:
    folder = decoded_folder(asked.path)
    with session.begin(write=False) as scope:
        place = place_in(scope, folder)
        return Files(files=infos(_entries(scope, place), names_only=True))


def _entries(scope: Scope, place: Place) -> tuple[Entry, ...]:
    """List a folder of somebody's files, or of a registered package's."""
    found = files.list_folder(scope, place.owner, place.path)
    return found or catalog.list_package_folder(scope, place.owner, place.path)


def _list_of_run(session: Session, asked: ListOfRun) -> Files:
    folder = decoded_folder(asked.path)
    run = Ref("run", asked.run_id or asked.run_uuid)
    with session.begin(write=False) as scope:
        root = run_artifacts(get_head(scope, run))
        return Files(
            root_uri=root, files=infos(files.list_folder(scope, run, folder), names_only=False)
        )


def _refuse_presigned(session: Session, asked: PresignedOfRun) -> None:
    decoded_path(asked.path)
    if bool(asked.run_id) == bool(asked.model_id):
        raise Invalid("name a run_id or a model_id, and not both")
    if asked.run_id:
        with session.begin(write=False) as scope:
            get_head(scope, Ref("run", asked.run_id))
    raise Invalid(
        "the files of runs and models lie behind this server, not at an address of their own",
        hint="upload and download them by the mlflow-artifacts calls",
    )


def _remove(session: Session, asked: Removal) -> None:
    path = decoded_path(asked.path)
    with session.begin() as scope:
        place = place_in(scope, path)
        files.remove_files(scope, place.owner, place.path)


async def _download(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    def sent() -> Answer:
        file = found_file(desk.session, values["path"])
        return sent_file(desk.transfers, file, request.headers.get("range", ""))

    return await desk.threads.quick(sent)


async def _get_of_run(desk: Desk, request: Request, _values: dict[str, str]) -> Answer:
    """Send a file to a page: by its run and path."""
    query = query_of(request)
    run = Ref("run", (query.get("run_id") or query.get("run_uuid") or [""])[0])
    path = decoded_path((query.get("path") or [""])[0])

    def sent() -> Answer:
        with desk.session.begin(write=False) as scope:
            get_head(scope, run)
            file = file_at(scope, Place(run, path))
        return sent_file(desk.transfers, file, request.headers.get("range", ""))

    return await desk.threads.quick(sent)


async def _upload_of_run(desk: Desk, request: Request, _values: dict[str, str]) -> Answer:
    """Take a small file from a page: by its run and path."""
    query = query_of(request)
    run = Ref("run", (query.get("run_uuid") or query.get("run_id") or [""])[0])
    path = decoded_path((query.get("path") or [""])[0])
    content = await read_body(request, limit_bytes=_PAGE_BYTES)
    if not content:
        raise Invalid("the request holds no file")

    def keep_content() -> None:
        digest = store_bytes(desk.session.drivers.blobs, content)
        with desk.session.begin() as scope:
            get_head(scope, run)
            files.keep_file(scope, run, path, digest=digest)

    desk.session.actor.require(Permission.RUN_WRITE, desk.session.project)
    await desk.threads.quick(keep_content)
    return Answer(body=b"{}")


async def _upload(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    path = decoded_path(values["path"])  # before a gigabyte is received for nothing
    desk.session.actor.require(Permission.RUN_WRITE, desk.session.project)
    async with desk.transfers.received(request) as draft:
        await desk.threads.quick(lambda: keep(desk, path, desk.transfers.keep(draft)))
    return Answer(body=b"{}")


def keep(desk: Desk, path: str, digest: str) -> None:
    """Keep stored content at a checked path of the proxy."""
    with desk.session.begin() as scope:
        place = place_in(scope, path)
        if not place.path:
            raise Invalid(f"{path!r} is a folder; a file needs a name")
        files.keep_file(scope, place.owner, place.path, digest=digest)


def _media_type(name: str) -> str:
    ending = name.lower().rpartition(".")[2]
    if ending in _TEXTS:
        return "text/plain; charset=utf-8"
    return mimetypes.guess_type(name)[0] or _OCTETS


def _attachment(name: str) -> Headers:
    """Return the header that makes a download of an answer (RFC 6266, RFC 8187)."""
    return (("content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}"),)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="GET", path=PROXY, request=ListFiles, handle=_list),
    Transfer(method="GET", path=f"{PROXY}/{{path}}", handle=_download),
    Transfer(method="PUT", path=f"{PROXY}/{{path}}", handle=_upload),
    Endpoint(method="GET", path="mlflow/artifacts/list", request=ListOfRun, handle=_list_of_run),
    *(
        Endpoint(
            method="POST",
            path=f"mlflow/artifacts/presigned-{way}-url",
            request=PresignedOfRun,
            handle=_refuse_presigned,
        )
        for way in ("upload", "download")
    ),
    Transfer(method="GET", path="get-artifact", version="", handle=_get_of_run),
    Transfer(method="POST", path="mlflow/upload-artifact", handle=_upload_of_run),
    Endpoint(method="DELETE", path=f"{PROXY}/{{path}}", request=Removal, handle=_remove),
)
