"""Commit folders: read what changed, send what is missing, and make a version of the paths."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.interfaces.client.folders.index import Index, Known, known_of
from bucle.interfaces.client.folders.walk import Found, files_in
from bucle.interfaces.client.transport import Progress, Transport
from bucle.lifecycle import data

Call = Callable[..., Any]


def paths_of_files(call: Call, fields: Mapping[str, Any]) -> list[Path] | None:
    """Return what a commit is to take as files that stay files; None: it is one of a table.

    It is one of files if it says so, if there is a folder, or if a file is of no table's format
    and the dataset is one of files.
    """
    given = fields.get("files")
    several = given if isinstance(given, list | tuple) else [given]
    paths = [Path(one) for one in several if isinstance(one, str | Path)]
    if not paths or len(paths) != len(several):
        return None
    kind = fields.get("kind") or ""
    if kind == "table":
        return None
    if kind == "files" or any(path.is_dir() for path in paths):
        return paths
    if not _is_no_table(paths[0]):
        return None
    if _has_files(call, fields):
        return paths
    if not fields.get("format") and not kind:
        raise Invalid(
            f"{paths[0].name!r} does not say its format",
            hint="say it (--format csv), or keep it as the file that it is (--kind files)",
        )
    return None


def _is_no_table(path: Path) -> bool:
    try:
        data.format_of(path.name)
    except Invalid:
        return True
    return False


def _has_files(call: Call, fields: Mapping[str, Any]) -> bool:
    try:
        head: data.DatasetVersion = call("data.get", ref=str(fields.get("name")))
    except NotFound:
        return False
    return head.kind == "files"


class Folders:
    """Paths of this machine on their way to being a version."""

    def __init__(
        self, head: str, paths: Sequence[Path], transport: Transport, call: Call, tell: Progress
    ) -> None:
        self._head = head
        self._name = head.partition("@")[0]
        self._transport = transport
        self._call = call
        self._tell = tell
        self._index = Index(transport.cache_path, paths)
        self._paths = paths
        self._known: dict[str, Known] = {}
        self._sizes: dict[str, int] = {}  # of files that were read

    def sent(self) -> tuple[str, ...]:
        """Send what the installation lacks, and return the pages that list the files."""
        found = files_in(self._paths)
        if not found:
            raise Invalid(
                f"there are no files in {', '.join(map(str, self._paths))}", hint="check the path"
            )
        sender = data.Sender(self._missing, self._keep)
        for path in found:
            if known := self._index.known(path, found[path]):
                self._known[path] = known
        trusted = set(self._known)
        self._read(found, [path for path in found if path not in trusted], sender)
        pages = self._pages(found)
        if lost := self._lost(pages, trusted):
            self._read(found, lost, sender)
            pages = self._pages(found)
        return tuple(self._transport.put_content(page.content) for page in pages)

    def kept(self) -> None:
        """Remember the files, as those of a version that was made."""
        self._index.write(
            {
                path: known if known.kept else msgspec.structs.replace(known, kept=True)
                for path, known in self._known.items()
            }
        )

    def _read(
        self, found: Mapping[str, Found], paths: Sequence[str], sender: "data.Sender"
    ) -> None:
        total = sum(found[path].size_bytes for path in paths)
        moved = 0
        for path in paths:
            began = time.time_ns()
            digest, said = sender.send(found[path].place)
            self._known[path] = known_of(said, digest, read_at_ns=began, kept=False)
            self._sizes[path] = said.st_size
            moved += said.st_size
            self._tell(self._name, moved, total)
        sender.finish()

    def _pages(self, found: Mapping[str, Found]) -> "list[data.TreePage]":
        tree = {
            path: data.TreeFile(
                path=path,
                size_bytes=self._sizes.get(path, found[path].size_bytes),
                digest=self._known[path].digest,
            )
            for path in found
        }
        return list(data.pages_of(tree))

    def _lost(self, pages: "Sequence[data.TreePage]", trusted: Collection[str]) -> list[str]:
        """Return files that were not read because they were known, and are not stored (any more).

        Those of a page that the head has are.
        """
        there = self._head_pages()
        unsure = {
            file.path: file.digest
            for page in pages
            if page.file.digest not in there
            for file in page.files
            if file.path in trusted and file.size_bytes
        }
        if not unsure:
            return []
        missing = set(self._missing(sorted(set(unsure.values()))))
        return [path for path, digest in unsure.items() if digest in missing]

    def _head_pages(self) -> set[str]:
        try:
            pages: Sequence[data.DataFile] = self._call("data.files", ref=self._head)
        except (Invalid, NotFound):
            return set()
        return {page.digest for page in pages}

    def _missing(self, digests: Sequence[str]) -> Sequence[str]:
        answer: Sequence[str] = self._call("data.missing", name=self._name, digests=list(digests))
        return answer

    def _keep(self, pack: bytes) -> None:
        self._call("data.add_packs", name=self._name, packs=[self._transport.put_content(pack)])
