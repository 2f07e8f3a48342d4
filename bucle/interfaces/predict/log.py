"""The log of predictions of one process: write ahead, rotate, hand over, and never lie about it.

Predictions go on whatever happens to the log.  What can not be written is kept in memory (up
to a limit) and written when there is room again; what does not fit is lost and counted, and
the server's health says so.
"""

import os
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Unpack

import msgspec

from bucle.base.errors import BucleError, Unavailable
from bucle.drivers.blobs import BlobStore
from bucle.interfaces.predict.many import Chooser, Many, all_rows
from bucle.interfaces.predict.ship import Merger, ship
from bucle.interfaces.predict.wal import (
    ID_LETTERS,
    SUFFIX,
    Answers,
    Rows,
    Source,
    WalFile,
    abandoned,
    frame_of,
    rows_of,
)
from bucle.lifecycle.serving.logged import PlannedLog

_ROWS_PER_FILE = 10_000
_AGE_S = 0.75
_RETRY_S = 2.0
_BACKLOG_BYTES = 16 << 20


class LogHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the log is doing."""

    logged_rows: int
    lost_rows: int
    unwritten_rows: int  # in memory, because the disk does not take them
    waiting_files: int  # not yet in the blob store
    lag_s: float  # age of the oldest prediction that is not in the blob store yet
    reasons: tuple[str, ...]


class PredictionLog:
    """Used from the event loop's thread; one background thread ships."""

    def __init__(self, folder: Path, blobs: BlobStore, *, secret: bytes | None = None) -> None:
        """Make the folder and hand over what dead processes left there.

        `secret` hashes what may not be logged; None: such columns are left out.

        Raises:
            Unavailable: the folder can not be written.
        """
        self._folder = folder
        self._blobs = blobs
        self._merger = Merger(blobs)
        self._shippers = ThreadPoolExecutor(1, thread_name_prefix="bucle-log")
        self._pending: dict[Path, tuple[Future[None], float]] = {}
        self._failed: dict[Path, tuple[str, float]] = {}
        self._secret = secret
        self._sources: list[Source] = []
        self._choosers: list[Chooser | None] = []  # of each source; None: all is logged
        self._numbers: dict[tuple[Source, PlannedLog | None], int] = {}
        self._file: WalFile | None = None
        self._file_sources: set[int] = set()  # whose names are in the file
        self._file_rows = 0
        self._opened_at = 0.0
        self._number = 0
        self._epoch = 0
        self._writer = _new_writer()
        self._last = b""  # the greatest id of the file
        self._closed_at = b""  # the greatest id of the writer's files before it
        self._backlog: list[tuple[bytes, int, int]] = []  # frame, rows, source
        self._backlog_bytes = 0
        self._logged_rows = 0
        self._lost_rows = 0
        self._reason = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise Unavailable(
                f"the prediction log's folder {folder} can not be written: {error.strerror}",
                hint="set BUCLE_HOME to a folder that you can write",
            ) from error
        for path in abandoned(folder):
            self._hand_over(path)

    def source(self, source: Source, plan: PlannedLog | None = None) -> int:
        """Return the number under which a model's answers are logged, as planned (None: all)."""
        about = (msgspec.structs.replace(source, number=0), plan)
        if about in self._numbers:
            return self._numbers[about]
        number = self._numbers[about] = len(self._sources)
        chooser = Chooser(plan, source, self._secret) if plan else None
        self._sources.append(
            msgspec.structs.replace(
                source,
                number=number,
                left_out=chooser.left_out if chooser else (),
                hashed=chooser.hashed if chooser else (),
            )
        )
        self._choosers.append(chooser)
        return number

    def append(self, answers: Answers, epoch: int) -> None:
        """Write one request's rows; when this returns, kill -9 does not take them."""
        chooser = self._choosers[answers.source]
        if chooser is None:
            self._append(rows_of(answers), epoch)
            self._rotate_when_full()
            return
        count = len(answers.ids)
        self.append_many(
            source=answers.source,
            epoch=epoch,
            ids=answers.ids,
            at_us=answers.at_us,
            latency_us=[answers.latency_us] * count,
            columns=answers.columns,
            outputs=answers.outputs,
            errors=[answers.error] * count if answers.error else None,
        )

    def append_many(self, **many: Unpack[Many]) -> None:
        """Write the rows of many requests with one call of the system; see `append` and `Many`.

        What a deployment's log leaves out is not written.
        """
        chooser = self._choosers[many["source"]]
        for rows in chooser.parts(many) if chooser else (all_rows(many),):
            self._append(rows, many["epoch"])
        self._rotate_when_full()

    def _append(self, rows: Rows, epoch: int) -> None:
        # The clock was put back, or answers came in another order than their ids: segments of
        # one writer must not overlap, so another one goes on.
        if epoch != self._epoch or rows.ids[:ID_LETTERS] <= self._closed_at:
            self._epoch = epoch
            self._close_file()
            self._writer, self._closed_at = _new_writer(), b""
        self._last = max(self._last, rows.ids[-ID_LETTERS:])
        count, frame = len(rows.ids) // ID_LETTERS, frame_of(rows)
        if self._backlog or not self._write(frame, count, rows.source):
            self._keep(frame, count, rows.source)

    def _rotate_when_full(self) -> None:
        """Begin a new file; not between rows of one call, whose ids may be in any order."""
        if self._file_rows >= _ROWS_PER_FILE:
            self.rotate()

    def tick(self) -> None:
        """Do what time asks for: called a few times a second."""
        if self._backlog:
            self._write_backlog()
        if self._file_rows and monotonic() - self._opened_at >= _AGE_S:
            self.rotate()
        for path, (shipped, since) in list(self._pending.items()):
            if shipped.done():
                self._settle(path, shipped, since)

    def rotate(self) -> None:
        """Hand the file over, if anything is in it, and go on with a new one."""
        if self._file_rows:
            self._close_file()

    def flush(self) -> list[Future[None]]:
        """Rotate, and return what to wait for until everything is in the blob store."""
        if self._backlog:
            self._write_backlog()
        self.rotate()
        for path, (shipped, since) in list(self._pending.items()):
            if shipped.done() and shipped.exception():
                self._settle(path, shipped, since, retry_s=0.0)
        return [shipped for shipped, _ in self._pending.values()]

    def health(self) -> LogHealth:
        """Tell how the log is doing."""
        now = monotonic()
        starts = [since for _, since in self._pending.values()]
        starts += [self._opened_at] if self._file_rows or self._backlog else []
        unwritten = sum(rows for _, rows, _ in self._backlog)
        reasons = [self._reason] if self._backlog else []
        reasons += list(dict.fromkeys(told for told, _ in self._failed.values()))
        if self._lost_rows:
            reasons.append(f"{self._lost_rows} predictions could not be logged and are lost")
        return LogHealth(
            logged_rows=self._logged_rows,
            lost_rows=self._lost_rows,
            unwritten_rows=unwritten,
            waiting_files=len(self._pending),
            lag_s=now - min(starts) if starts else 0.0,
            reasons=tuple(reasons),
        )

    def close(self) -> None:
        """Hand everything over; what can not be is on the disk for the next start."""
        if self._backlog:
            self._write_backlog()
        self._close_file()
        self._shippers.shutdown(wait=True)

    def _write(self, frame: bytes, rows: int, source: int) -> bool:
        try:
            if self._file is None:
                self._open()
            file = self._file
            assert file is not None
            if source in self._file_sources:
                file.write(frame)
            else:
                file.write(frame_of(self._sources[source]) + frame)
                self._file_sources.add(source)
        except OSError as error:
            self._reason = f"the prediction log can not be written: {error.strerror}"
            return False
        if not self._file_rows:
            self._opened_at = monotonic()
        self._file_rows += rows
        self._logged_rows += rows
        return True

    def _keep(self, frame: bytes, rows: int, source: int) -> None:
        if self._backlog_bytes + len(frame) > _BACKLOG_BYTES:
            self._lost_rows += rows
            return
        self._backlog.append((frame, rows, source))
        self._backlog_bytes += len(frame)

    def _write_backlog(self) -> None:
        while self._backlog and self._write(*self._backlog[0]):
            self._backlog_bytes -= len(self._backlog.pop(0)[0])

    def _open(self) -> None:
        name = f"{self._writer}-{self._number:08}{SUFFIX}"
        self._file = WalFile(self._folder / name)
        self._number += 1
        self._file_rows = 0
        self._file_sources = set()

    def _close_file(self) -> None:
        """Close the file; the next prediction opens the next, so that idling leaves none."""
        file, rows = self._file, self._file_rows
        if file is None:
            return
        self._file, self._file_rows = None, 0
        self._closed_at, self._last = max(self._closed_at, self._last), b""
        file.close()
        if rows:
            self._hand_over(file.path)
        else:
            file.path.unlink(missing_ok=True)

    def _hand_over(self, path: Path, since: float | None = None) -> None:
        shipped = self._shippers.submit(self._ship, path)
        self._pending[path] = (shipped, monotonic() if since is None else since)

    def _settle(
        self, path: Path, shipped: Future[None], since: float, *, retry_s: float = _RETRY_S
    ) -> None:
        """Forget a file that was shipped; try one that was not again, after a while."""
        error = shipped.exception()
        if error is None:
            del self._pending[path]
            self._failed.pop(path, None)
            return
        told, failed_at = self._failed.get(path, ("", monotonic()))
        told = f"predictions wait on this disk: {error}"
        self._failed[path] = (told, failed_at)
        if monotonic() - failed_at >= retry_s:
            self._failed[path] = (told, monotonic())
            self._hand_over(path, since)

    def _ship(self, path: Path) -> None:
        for segment, rows in ship(path, self._blobs):
            # A merge that fails leaves its parts, which are read as they are.
            with suppress(BucleError):
                self._merger.add(segment, rows)


def _new_writer() -> str:
    return f"{os.getpid():x}x{secrets.token_hex(4)}"
