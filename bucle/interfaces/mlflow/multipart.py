"""The calls of an upload in parts: create, each part, complete or abort.

The parts lie in the blob store, where every server of an installation finds them, beside a note
of what they are for.  The note of a completed upload stays for a day: a client that lost the answer
and asks again is told the same.  The addresses of the parts are this door's own, and each part is
sent with the credentials of whoever began: an address alone opens nothing.
"""

import re
import secrets
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from bucle.base.codec import decode, encode
from bucle.base.digest import digest_value
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.drafts import Draft
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.http.answers import Answer, Request, json_answer, read_body
from bucle.interfaces.http.paths import raw_path
from bucle.interfaces.mlflow.artifacts import PROXY, found_file, keep
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Desk, Transfer
from bucle.interfaces.mlflow.places import decoded_path
from bucle.interfaces.mlflow.wire import of_body

_CREATE = "mlflow-artifacts/mpu/create"
_COMPLETE = "mlflow-artifacts/mpu/complete"
_ABORT = "mlflow-artifacts/mpu/abort"
_PART = "mlflow-artifacts/mpu/part"
_PRESIGNED = "mlflow-artifacts/presigned"
_MOST_PARTS = 10_000  # as S3 has it
_ABANDONED_AFTER = timedelta(days=1)
_PIECE_BYTES = 1 << 20
_ID = re.compile(r"[0-9a-f]{32}")


class CreateUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Which file, by the path that it has at the client, and in how many parts."""

    path: str
    num_parts: int = 1


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was sent, as it was answered."""

    part_number: int
    etag: str = ""
    url: str = ""


class EndUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Which upload is complete, or to be forgotten."""

    path: str
    upload_id: str = ""
    parts: tuple[Part, ...] = ()


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send a part, and with which headers."""

    url: str
    part_number: int
    headers: dict[str, str]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that was begun."""

    upload_id: str
    credentials: tuple[Credential, ...]


class Presigned(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file can be had in parts, and with which headers."""

    url: str
    headers: dict[str, str]
    file_size: int


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload is for."""

    project: str
    path: str
    parts: int
    joined: str = ""  # "": not complete yet; else the digest of the parts that it was made of


async def _create(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    asked = of_body(CreateUpload, await read_body(request), {})
    path = _path_of(values["path"], asked.path)
    desk.session.actor.require(Permission.RUN_WRITE, desk.session.project)
    if not 1 <= asked.num_parts <= _MOST_PARTS:
        raise Invalid(f"an upload has 1 to {_MOST_PARTS:,} parts, not {asked.num_parts}")
    id_ = secrets.token_hex(16)
    note = _Note(project=desk.session.project, path=path, parts=asked.num_parts)
    await desk.threads.quick(_begin, desk.session, id_, note)
    root, headers = f"{_root_of(request, _CREATE)}/{_PART}/{id_}", _headers_of(request)
    credentials = tuple(
        Credential(url=f"{root}/{number}", part_number=number, headers=headers)
        for number in range(1, asked.num_parts + 1)
    )
    return json_answer(Upload(upload_id=id_, credentials=credentials))


async def _receive(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    blobs = desk.session.drivers.blobs
    desk.session.actor.require(Permission.RUN_WRITE, desk.session.project)
    note = await desk.threads.quick(_under_way, desk.session, values["upload"])
    number = values["number"]
    if not number.isdecimal() or not 1 <= int(number[:6]) <= note.parts:
        raise Invalid(f"the upload has parts 1 to {note.parts}, not {number[:20]!r}")
    async with desk.transfers.received(request) as draft:
        key = _part_key(values["upload"], int(number), draft.digest)
        await desk.threads.quick(blobs.take, key, draft.path)
        return Answer(headers=(("etag", f'"{draft.digest}"'),))


async def _complete(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    asked = of_body(EndUpload, await read_body(request), {})
    path = _path_of(values["path"], asked.path)
    session = desk.session
    session.actor.require(Permission.RUN_WRITE, session.project)

    def join() -> None:
        note = _noted(session, asked.upload_id)
        _require_path(note, path)
        told = digest_value([(part.part_number, part.etag) for part in asked.parts])
        if note.joined:
            if note.joined != told:
                raise Conflict(f"the upload of {path!r} was completed with other parts")
            return
        if len(asked.parts) != note.parts:
            raise Invalid(f"the upload has {note.parts} parts, not {len(asked.parts)}")
        with desk.transfers.drafted() as draft:
            for number, part in enumerate(asked.parts, 1):
                _append(session.drivers.blobs, draft, asked.upload_id, number, part)
            keep(desk, path, desk.transfers.keep(draft))
        session.drivers.blobs.put(_note_key(asked.upload_id), encode(replace(note, joined=told)))
        _forget_parts(session.drivers.blobs, asked.upload_id)

    await desk.threads.long(join)
    return Answer(body=b"{}")


async def _abort(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    asked = of_body(EndUpload, await read_body(request), {})
    path = _path_of(values["path"], asked.path)
    desk.session.actor.require(Permission.RUN_WRITE, desk.session.project)

    def forget() -> None:
        _require_path(_under_way(desk.session, asked.upload_id), path)
        _forget_parts(desk.session.drivers.blobs, asked.upload_id)
        desk.session.drivers.blobs.delete(_note_key(asked.upload_id))

    await desk.threads.quick(forget)
    return Answer(body=b"{}")


async def _presigned(desk: Desk, request: Request, values: dict[str, str]) -> Answer:
    """Tell a client that downloads in parts where: at the file's own address, in ranges."""
    file = await desk.threads.quick(found_file, desk.session, values["path"])
    below = raw_path(request).partition(f"{_PRESIGNED}/")[2]
    url = f"{_root_of(request, _PRESIGNED)}/{PROXY}/{below}"
    return json_answer(Presigned(url=url, headers=_headers_of(request), file_size=file.size_bytes))


def _begin(session: Session, id_: str, note: _Note) -> None:
    blobs = session.drivers.blobs
    oldest = session.drivers.clock.now() - _ABANDONED_AFTER
    for found in list(blobs.list("uploads")):
        if found.modified_at < oldest:  # nobody ended it
            blobs.delete(found.key)
    blobs.put(_note_key(id_), encode(note))


def _noted(session: Session, id_: str) -> _Note:
    """Return what an upload is for.

    Raises:
        NotFound: there is no such upload in this project, or it has ended.
    """
    blobs = session.drivers.blobs
    if _ID.fullmatch(id_) and blobs.exists(_note_key(id_)):
        note = decode(blobs.get(_note_key(id_)), _Note)
        if note.project == session.project:
            return note
    raise NotFound(f"there is no upload {id_[:40]!r}; it has ended, or never began")


def _under_way(session: Session, id_: str) -> _Note:
    """Return what an upload is for that takes parts.

    Raises:
        NotFound: as `_noted`, or it was completed.
    """
    note = _noted(session, id_)
    if note.joined:
        raise NotFound(f"the upload of {note.path!r} was completed; begin another")
    return note


def _require_path(note: _Note, path: str) -> None:
    if note.path != path:
        raise Invalid(f"the upload is for {note.path!r}, not for {path!r}")


def _append(blobs: BlobStore, draft: Draft, id_: str, number: int, part: Part) -> None:
    """Add a part's bytes to a draft."""
    key = _part_key(id_, number, part.etag.strip('"'))
    if part.part_number != number or not _is_there(blobs, key):
        raise Conflict(
            f"part {part.part_number} of the upload is not here as it was sent",
            hint="send the part again, then complete",
        )
    size, start = blobs.size(key), 0
    while start < size:
        draft.write(blobs.get_range(key, start, min(start + _PIECE_BYTES, size)))
        start += _PIECE_BYTES


def _is_there(blobs: BlobStore, key: str) -> bool:
    try:
        return blobs.exists(key)
    except Invalid:  # an etag that no part of ours has
        return False


def _forget_parts(blobs: BlobStore, id_: str) -> None:
    for found in list(blobs.list(f"uploads/{id_}")):
        if found.key != _note_key(id_):
            blobs.delete(found.key)


def _note_key(id_: str) -> str:
    return f"uploads/{id_}/note"


def _part_key(id_: str, number: int, digest: str) -> str:
    return f"uploads/{id_}/{number:05}-{digest}"


def _path_of(folder: str, local_path: str) -> str:
    """Return where a file goes: under its own name, which a client may say with its whole path."""
    name = re.split(r"[/\\]", local_path)[-1]
    return decoded_path(f"{folder.rstrip('/')}/{name}")


def _root_of(request: Request, call: str) -> str:
    """Return the address of the API as this client reached it, without the call's own path."""
    scheme = request.scope.get("scheme") or "http"
    return (
        f"{scheme}://{request.headers.get('host', '')}{raw_path(request).partition(f'/{call}')[0]}"
    )


def _headers_of(request: Request) -> dict[str, str]:
    """Return the headers that say who this client is; it sends them along with each part."""
    said = request.headers.get("authorization", "")
    return {"Authorization": said} if said else {}


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Transfer(method="POST", path=f"{_CREATE}/{{path}}", handle=_create),
    Transfer(method="PUT", path=f"{_PART}/{{upload}}/{{number}}", handle=_receive),
    Transfer(method="POST", path=f"{_COMPLETE}/{{path}}", handle=_complete),
    Transfer(method="POST", path=f"{_ABORT}/{{path}}", handle=_abort),
    Transfer(method="GET", path=f"{_PRESIGNED}/{{path}}", handle=_presigned),
)
