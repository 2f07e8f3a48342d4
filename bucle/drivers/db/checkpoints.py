"""Bring SQLite's log into its file, in a thread: for writers that must not wait for the disk.

SQLite lets the writer whose commit makes the log long copy it, which waits for the disk.  Copying
beside the writers (`PASSIVE`) holds nobody up; while they go on it never gets to the end of the
log, which then grows, so that now and then a copy takes a writer's turn (`RESTART`).
Source: https://www.sqlite.org/c3ref/wal_checkpoint_v2.html
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

_LOG = logging.getLogger("bucle.db")
_EVERY = 100  # commits: some thousand pages, as SQLite's own habit is
_TOO_LONG = 8_000  # pages of 4 KiB


class Checkpoints:
    """The copying of one database's log.

    Args:
        engine: connections that wait for nobody.
        turn: what the writers of this process take turns with.
    """

    def __init__(self, engine: Engine, turn: AbstractContextManager[object]) -> None:
        self._engine = engine
        self._turn = turn
        self._commits = 0
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def note(self) -> None:
        """Count a commit; takes microseconds."""
        self._commits += 1
        if self._commits % _EVERY == 0 and (self._running is None or self._running.done()):
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
            self._running = self._thread.submit(self.copy)

    def copy(self) -> None:
        """Copy what the log has; end it if it has become too long and nobody reads it."""
        try:
            if self._pages_after("PASSIVE") > _TOO_LONG:
                with self._turn:
                    self._pages_after("RESTART")
        except DBAPIError as error:  # a full disk, say; a writer who needs the room is told
            _LOG.warning("the log of %s could not be copied: %s", self._engine.url, error.orig)

    def close(self) -> None:
        """Wait for the copy that runs."""
        if self._thread is not None:
            self._thread.shutdown()

    def _pages_after(self, how: str) -> int:
        with self._engine.connect() as connection:
            _busy, pages, _copied = connection.exec_driver_sql(
                f"PRAGMA wal_checkpoint({how})"
            ).one()
        return int(pages)
