"""Write the files of a version into a folder: only what differs, and nothing over anybody's work.

All is looked at before anything is written.  A file that is neither as the version has it nor as
this machine committed or wrote it holds somebody's work: it is left, and the checkout refused.
Each file appears whole, so that what was killed goes on where it was when it is called again.
"""

import os
import stat
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from bucle.base.digest import Digester, digest_bytes, digest_file
from bucle.base.errors import Invalid, Refused, Unavailable
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.interfaces.client.folders.copy import copy_file
from bucle.interfaces.client.folders.index import Index, Known, known_of
from bucle.interfaces.client.folders.walk import Found
from bucle.interfaces.client.transport import Progress, Transport
from bucle.lifecycle import data

Call = Callable[..., Any]

_PAGE = 1000
_SHOWN = 10
_MANY = 4  # a content is fetched whole where a quarter of it is wanted


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkout is to write, and where."""

    ref: str
    target: Path
    prefix: str = ""
    glob: str = ""
    force: bool = False


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkout did."""

    version: Ref
    target: str
    written: int
    unchanged: int
    removed: int  # of another version, and not of this one
    bytes_written: int


def list_tree(
    call: Call, ref: Ref | str, *, prefix: str = "", glob: str = ""
) -> Iterator[data.TreeFile]:
    """Yield the files of a version by their paths, page by page."""
    token = None
    while True:
        page: Page[data.TreeFile] = call(
            "data.tree", ref=str(ref), prefix=prefix, glob=glob, limit=_PAGE, token=token
        )
        yield from page.items
        token = page.next_token
        if token is None:
            return


def checkout(transport: Transport, call: Call, wanted: Wanted, tell: Progress) -> Checkout:
    """Make a folder hold the files of a version; files that no version had stay.

    Raises:
        NotFound: no such version.
        Refused: files were changed, and would be lost; they are named.
        Invalid: a path of the folder leads elsewhere, as through a link.
    """
    version: data.DatasetVersion = call("data.get", ref=wanted.ref)
    tree = {
        file.path: file
        for file in list_tree(call, version.ref, prefix=wanted.prefix, glob=wanted.glob)
    }
    target = wanted.target.resolve()
    if target.exists() and not target.is_dir():
        raise Invalid(f"{target} is a file", hint="name a folder")
    index = Index(transport.cache_path, [target])
    folder = _Folder(target, index)
    plan = folder.plan(tree, wanted)
    if plan.changed and not wanted.force:
        more = f" and {len(plan.changed) - _SHOWN} more" if len(plan.changed) > _SHOWN else ""
        raise Refused(
            f"{len(plan.changed)} files in {target} were changed and would be lost: "
            f"{', '.join(map(repr, plan.changed[:_SHOWN]))}{more}",
            hint="commit them or move them away, or write over them with --force",
        )
    writer = _Writer(transport, call, version, folder, tell)
    try:
        folder.remove(plan.remove)
        count = writer.write([tree[path] for path in plan.write])
    finally:
        writer.close()
        index.write(folder.known)
    return Checkout(
        version=version.ref,
        target=str(target),
        written=len(plan.write),
        unchanged=len(tree) - len(plan.write),
        removed=len(plan.remove),
        bytes_written=count,
    )


class _Plan(msgspec.Struct, frozen=True):
    write: list[str]
    remove: list[str]
    changed: list[str]  # what would be lost


class _Folder:
    """The folder that is written to, and what is known of its files."""

    def __init__(self, target: Path, index: Index) -> None:
        self.target = target
        self.known: dict[str, Known] = dict(index.files)
        self._index = index
        self._plain: set[Path] = {target}  # folders that are no links

    def plan(self, tree: Mapping[str, data.TreeFile], wanted: Wanted) -> _Plan:
        """Decide what is to be written and removed, and what must not be lost.

        Raises:
            Invalid: something lies in the way that is neither, such as a link.
        """
        plan = _Plan([], self._leaving(tree, wanted), [])
        leaving = {self.target / path for path in plan.remove}
        for path, file in tree.items():
            place = self.target / data.check_path(path)
            self._require_plain(place.parent, leaving)
            there = None if _is_emptied(place, leaving) else self._there(place)
            if there is None:
                plan.write.append(path)
                continue
            known = self._index.known(path, there)
            digest = known.digest if known else self._digested(path, there)
            if digest == file.digest:
                self._keep(path)
                continue
            plan.write.append(path)
            if not self._is_kept(path, digest):
                plan.changed.append(path)
        return plan

    def _leaving(self, tree: Mapping[str, data.TreeFile], wanted: Wanted) -> list[str]:
        """Return the files of another version that this one has not, as they were written."""
        leaving = []
        for path, old in self._index.files.items():
            if path in tree or not old.kept or not _is_of(path, wanted):
                continue
            place = self.target / data.check_path(path)
            if not place.is_file() or place.is_symlink() or place.parent.resolve() != place.parent:
                self.known.pop(path, None)
                continue
            there = self._there(place)
            assert there is not None
            if self._index.known(path, there) or self._digested(path, there) == old.digest:
                leaving.append(path)
        return leaving

    def place(self, path: str) -> Path:
        """Return where a file of the plan is to be written; the folders above it are made."""
        place = self.target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def written(self, path: str, digest: str) -> None:
        """Remember a file that was written."""
        said = (self.target / path).stat()
        self.known[path] = known_of(said, digest, read_at_ns=time.time_ns(), kept=True)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files, and folders that they leave empty."""
        for path in paths:
            place = self.target / path
            place.unlink(missing_ok=True)
            self.known.pop(path, None)
            for folder in place.parents:
                if folder == self.target or not folder.is_relative_to(self.target):
                    break
                with suppress(OSError):  # it is not empty
                    folder.rmdir()

    def _keep(self, path: str) -> None:
        """Note that a version has this file as it is."""
        self.known[path] = msgspec.structs.replace(self.known[path], kept=True)

    def _is_kept(self, path: str, digest: str) -> bool:
        old = self._index.files.get(path)
        return old is not None and old.kept and old.digest == digest

    def _there(self, place: Path) -> Found | None:
        try:
            said = place.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(said.st_mode):
            raise Invalid(
                f"{place} is no plain file, and the version has a file there",
                hint="move it away, or check out elsewhere",
            )
        return Found(str(place), said.st_size, said.st_mtime_ns, said.st_ctime_ns, said.st_ino)

    def _digested(self, path: str, there: Found) -> str:
        began = time.time_ns()
        digest = digest_file(Path(there.place))
        kept = self._is_kept(path, digest)
        said = Path(there.place).stat()
        self.known[path] = known_of(said, digest, read_at_ns=began, kept=kept)
        return digest

    def _require_plain(self, folder: Path, leaving: Collection[Path]) -> None:
        """Refuse a folder that is a link or a file: what is written there would lie elsewhere."""
        if folder in self._plain:
            return
        self._require_plain(folder.parent, leaving)
        if folder.is_symlink() or (folder.is_file() and folder not in leaving):
            raise Invalid(
                f"{folder} is no plain folder, and the version has files in it",
                hint="move it away, or check out elsewhere",
            )
        self._plain.add(folder)


def _is_emptied(place: Path, leaving: Collection[Path]) -> bool:
    """Tell whether there is a folder of which all files leave, or a file that leaves above."""
    if any(folder in leaving for folder in place.parents):
        return True
    if not leaving or place.is_symlink() or not place.is_dir():
        return False
    return all(inner.is_dir() or inner in leaving for inner in place.rglob("*"))


def _is_of(path: str, wanted: Wanted) -> bool:
    """Tell whether a path is one of those that a partial checkout speaks of."""
    return not wanted.glob and path.startswith(wanted.prefix)


class _Writer:
    """Files of a version on their way into a folder."""

    def __init__(
        self,
        transport: Transport,
        call: Call,
        version: data.DatasetVersion,
        folder: _Folder,
        tell: Progress,
    ) -> None:
        self._transport = transport
        self._call = call
        self._version = version
        self._folder = folder
        self._tell = tell
        self._whole: dict[str, Path] = {}  # contents that lie here as files
        self._opened: tuple[str, BinaryIO] | None = None  # one of them, which is being read

    def write(self, files: Sequence[data.TreeFile]) -> int:
        """Write files, and return how many bytes that were."""
        total, moved = sum(file.size_bytes for file in files), 0
        self._folder.target.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(files), _PAGE):
            paths = [file.path for file in files[start : start + _PAGE]]
            places: Sequence[data.FilePlace] = self._call(
                "data.locate", ref=str(self._version.ref), paths=paths
            )
            self._fetch(places)
            for place in places:
                self._write(place)
                moved += place.file.size_bytes
                self._tell(str(self._version.ref), moved, total)
        return moved

    def _fetch(self, places: Sequence[data.FilePlace]) -> None:
        """Have whole those contents of which much is wanted."""
        wanted: dict[str, tuple[int, int]] = {}
        for part in (part for place in places for part in place.parts):
            length, end = wanted.get(part.content, (0, 0))
            wanted[part.content] = (length + part.length, max(end, part.start + part.length))
        for content, (length, end) in wanted.items():
            if content not in self._whole and length * _MANY >= end:
                self._whole[content] = self._transport.content_file(content, self._tell)

    def _write(self, place: data.FilePlace) -> None:
        path, digest = place.file.path, place.file.digest
        target = self._folder.place(path)
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            if self._is_one_content(place):
                copy_file(self._whole[digest], part)
            else:
                self._assemble(place, part)
            os.replace(part, target)  # noqa: PTH105 - 10,000 of them
        except OSError as error:
            raise Unavailable(
                f"{target} can not be written: {error.strerror or error}",
                hint="free some space, or check out into another folder",
            ) from error
        finally:
            part.unlink(missing_ok=True)
        self._folder.written(path, digest)

    def _is_one_content(self, place: data.FilePlace) -> bool:
        digest = place.file.digest
        return [part.content for part in place.parts] == [digest] and digest in self._whole

    def _assemble(self, place: data.FilePlace, path: Path) -> None:
        """Write the parts of a file, each of which is what it was."""
        whole = Digester()
        with path.open("wb") as file:
            for part in place.parts:
                content = self._content(part)
                if digest_bytes(content) != part.digest:
                    raise _tampered(place, part.content)
                if len(place.parts) > 1:
                    whole.update(content)
                file.write(content)
        if len(place.parts) > 1 and whole.digest != place.file.digest:
            raise _tampered(place, "its parts")

    def _content(self, part: data.FilePart) -> bytes:
        whole = self._whole.get(part.content)
        if whole is None:
            return self._transport.content_part(part.content, part.start, part.start + part.length)
        if self._opened is None or self._opened[0] != part.content:
            self.close()
            self._opened = (part.content, whole.open("rb"))
        return os.pread(self._opened[1].fileno(), part.length, part.start)

    def close(self) -> None:
        """Close the content that was read last."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def _tampered(place: data.FilePlace, where: str) -> Refused:
    return Refused(
        f"{place.file.path!r} is not what was stored: {where} was changed",
        hint="restore the content store from a backup, or commit the file again",
    )
