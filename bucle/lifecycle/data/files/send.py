"""Store files of a folder: small ones whole, large ones in chunks, and only what is missing.

It runs wherever the files are: what asks the installation and what stores a pack are given.
"""

import io
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from bucle.base.digest import Digester, digest_bytes
from bucle.base.errors import Conflict, Invalid
from bucle.drivers.blobs.chunks import MOST_BYTES, chunks_of
from bucle.drivers.blobs.packs import Packer, list_of

_ASKED_BYTES = 16 << 20  # held in memory until the installation said what it lacks
_ASKED = 4_096
_LIST = True


class Sender:
    """Files on their way into packs.

    Args:
        missing: returns which of some contents the installation lacks.
        keep: stores a pack and adds it to the project.
    """

    def __init__(
        self, missing: Callable[[Sequence[str]], Collection[str]], keep: Callable[[bytes], None]
    ) -> None:
        self._missing = missing
        self._keep = keep
        self._packer = Packer()
        self._waiting: dict[str, tuple[bytes, bool]] = {}
        self._waiting_bytes = 0
        self.stored_bytes = 0

    def send(self, path: str | Path) -> tuple[str, os.stat_result]:
        """Read a file and store what is missing of it; return its digest, and what it was then.

        Raises:
            Conflict: it was written while it was read.
            Invalid: it can not be read.
        """
        try:
            number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                before = os.fstat(number)
                if before.st_size <= MOST_BYTES:
                    digest, count = self._small(os.read(number, MOST_BYTES + 1))
                else:
                    with io.FileIO(number, closefd=False) as file:
                        digest, count = self._large(file)
                after = os.fstat(number)
            finally:
                os.close(number)
        except OSError as error:
            raise Invalid(f"{path} can not be read: {error.strerror or error}") from error
        if count != before.st_size or _mark(before) != _mark(after):
            raise Conflict(
                f"{path} was written while it was read", hint="commit again when it is whole"
            )
        return digest, before

    def finish(self) -> None:
        """Store what is still held in memory."""
        self._ask()
        self._close_pack()

    def _small(self, content: bytes) -> tuple[str, int]:
        digest = digest_bytes(content)
        if content:
            self._hold(digest, content)
        return digest, len(content)

    def _large(self, file: io.FileIO) -> tuple[str, int]:
        whole, parts, count = Digester(), [], 0
        for chunk in chunks_of(file):
            whole.update(chunk)
            digest = digest_bytes(chunk)
            if digest not in self._waiting and digest not in self._packer:
                self._hold(digest, bytes(chunk))
            parts.append(digest)
            count += len(chunk)
        if len(parts) == 1:  # it became shorter, which is told by whoever looks at the count
            return whole.digest, count
        self._hold(whole.digest, list_of(parts), is_list=_LIST)
        return whole.digest, count

    def _hold(self, digest: str, content: bytes, *, is_list: bool = False) -> None:
        if digest in self._waiting or digest in self._packer:
            return
        self._waiting[digest] = (content, is_list)
        self._waiting_bytes += len(content)
        if self._waiting_bytes >= _ASKED_BYTES or len(self._waiting) >= _ASKED:
            self._ask()

    def _ask(self) -> None:
        """Pack what the installation lacks; a list lies behind its parts."""
        if not self._waiting:
            return
        wanted = set(self._missing(list(self._waiting)))
        for digest, (content, is_list) in self._waiting.items():
            if digest in wanted:
                self._packer.add(digest, content, is_list=is_list)
                if self._packer.is_full:
                    self._close_pack()
        self._waiting, self._waiting_bytes = {}, 0

    def _close_pack(self) -> None:
        if len(self._packer):
            pack = self._packer.packed()
            self._packer = Packer()
            self._keep(pack)
            self.stored_bytes += len(pack)


def _mark(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino
