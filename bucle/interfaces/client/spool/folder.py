"""`Spool`: the folder in which one writer of one run keeps what it says until a server has it.

    <home>/spool/<server and project>/<run>.<writer>/
        lock            held by whoever delivers: the run's own process, or a `sync` after it
        journal         what was said besides points (journal.py)
        points-<n>      points, from number n on (points.py)
        files/<digest>  content of artifacts, code and environment
        sent            how far delivery has come: bytes of the journal, points, and the end of
                        the parcel that is on its way (sent again, it must be the same one)
        refused         what the server did not want, and why; such a spool is never removed

Its life is in the lock: who gets it and finds a journal may deliver; a process that dies, in
whatever way, lets go of it.
"""

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec

from bucle.base.codec import encode
from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import Unavailable

_SENT = struct.Struct("<qqq")
_REFUSED = "refused"


class Sent(NamedTuple):
    """How far delivery has come."""

    journal: int = 0  # bytes
    points: int = 0
    underway: int = 0  # points, with the parcel that may have arrived or not; 0: none


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What a server did not want."""

    what: str
    error: str
    hint: str = ""
    points: tuple[int, int] | None = None  # None: it was no points; else from and to


class Spool:
    """A spool whose lock is ours."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._state = os.open(path / "sent", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        raw = os.pread(self._state, _SENT.size, 0)
        self.sent = Sent(*_SENT.unpack(raw)) if len(raw) == _SENT.size else Sent()

    @property
    def run(self) -> str:
        """The id of the run."""
        return unquote(self.path.name.partition(".")[0])

    @property
    def writer(self) -> str:
        """Who wrote it; a run may have several writers."""
        return self.path.name.partition(".")[2]

    @property
    def journal(self) -> Path:
        """The file of words."""
        return self.path / "journal"

    @property
    def refusals(self) -> Path:
        """The file of what was not wanted; there is none as long as everything was."""
        return self.path / _REFUSED

    def keep(self, content: bytes | Path) -> str:
        """Keep a copy of content and return its digest.

        Raises:
            Unavailable: the disk is full.
        """
        digest = digest_file(content) if isinstance(content, Path) else digest_bytes(content)
        path = self.content(digest)
        if path.exists():
            return digest
        draft = path.with_suffix(f".{get_ident()}")
        try:
            path.parent.mkdir(exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, draft)
            else:
                draft.write_bytes(content)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise no_room(self.path, error) from error
        draft.rename(path)
        return digest

    def content(self, digest: str) -> Path:
        """Return the file of kept content."""
        return self.path / "files" / digest

    def note(self, sent: Sent) -> None:
        """Note how far delivery has come, in one write."""
        self.sent = sent
        os.pwrite(self._state, _SENT.pack(*sent), 0)

    def refuse(self, refusal: Refusal) -> None:
        """Note what was not wanted."""
        with self.refusals.open("ab") as file:
            file.write(encode(refusal) + b"\n")

    def keep_points(self, rows: bytes, first: int) -> None:
        """Keep rows of points that were not wanted (see `points.py` for what a row is)."""
        (self.path / f"{_REFUSED}-points-{first}").write_bytes(rows)

    def remove(self) -> None:
        """Remove a spool that was delivered whole; one with refusals stays, set aside."""
        if self.refusals.exists():
            aside = self.path.parent / _REFUSED
            aside.mkdir(exist_ok=True)
            self.path.rename(aside / self.path.name)
        else:
            done = self.path.with_name(f".done-{self.path.name}")
            self.path.rename(done)  # at once: half a spool is none
            shutil.rmtree(done, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._state)
        os.close(self._lock)


def new_spool(place: Path, run: str, writer: str) -> Spool:
    """Make a spool and take its lock, before anybody else can see it.

    Raises:
        Unavailable: the folder can not be made, as the disk is full.
    """
    name = f"{_segment(run)}.{writer}"
    draft = place / f".new-{name}"
    try:
        draft.mkdir(parents=True)
        lock = _locked(draft)
        draft.rename(place / name)
        assert lock is not None
        return Spool(place / name, lock)
    except OSError as error:
        raise no_room(place, error) from error


def take_spools(place: Path) -> Iterator[Spool | None]:
    """Yield each spool that is left, the oldest run first; None for one that is being delivered."""
    for path in sorted(place.glob("[!.]*.*")):
        lock = _locked(path)
        if lock is None:
            if path.is_dir():
                yield None
        elif (path / "journal").exists():  # else it was removed while we waited, or never begun
            yield Spool(path, lock)
        else:
            os.close(lock)
    for path in place.glob(".done-*"):
        shutil.rmtree(path, ignore_errors=True)


def take_others(spool: Spool) -> Iterator[Spool]:
    """Yield what other writers of a spool's run left: forked children that are no more."""
    for path in sorted(spool.path.parent.glob(f"{_segment(spool.run)}.*")):
        if path != spool.path and (lock := _locked(path)) is not None:
            yield Spool(path, lock)


def list_refused(place: Path) -> list[Path]:
    """Return the spools of which something was not wanted."""
    return sorted((place / _REFUSED).glob("*.*"))


def no_room(path: Path, error: OSError) -> Unavailable:
    """Return what is said where the disk takes nothing more."""
    return Unavailable(
        f"{path} can not be written to: {error.strerror or error}",
        hint="make room on the disk, or set BUCLE_HOME to a folder that has some",
    )


def _segment(run: str) -> str:
    """Return a run's id as it may stand in a file's name; most ids are that."""
    return quote(run, safe="").replace(".", "%2E")


def _locked(path: Path) -> int | None:
    """Take a spool's lock; None where another has it, or where the spool is gone."""
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
