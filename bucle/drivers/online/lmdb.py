"""Rows in a memory-mapped B+ tree on this machine (LMDB, imported here only).

Readers never wait, neither for each other nor for the writer, in any process.  A read is
about a microsecond; see docs/decisions/0004-lmdb-for-the-embedded-online-store.md.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import lmdb

from bucle.base.digest import digest_bytes
from bucle.base.errors import Unavailable
from bucle.drivers.online.gate import Gate
from bucle.drivers.online.names import check_table

T = TypeVar("T")

_FIRST_MAP_BYTES = 64 << 20
_TABLES = 1024
_READERS = 1024
_LONGEST_PLAIN_KEY_BYTES = 500  # LMDB's limit is 511


class LmdbOnline:
    """`lmdb:///absolute/folder`, usable from several processes of one machine.

    Open it after forking: an environment does not survive a fork.
    """

    def __init__(self, folder: Path) -> None:
        self.url = f"lmdb://{folder}"
        self._environment = _environments.borrow(folder)
        self._closed = False

    def write(self, table: str, rows: Mapping[bytes, bytes]) -> None:
        """Write rows in one transaction, in the order of the tree."""
        environment = self._environment
        items = sorted((_stored_key(key), value) for key, value in rows.items())

        def act() -> None:
            database = environment.database(table, create=True)
            with environment.lmdb.begin(db=database, write=True) as transaction:
                transaction.cursor().putmulti(items)

        environment.attempt(act)

    def read(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, all as of one moment."""
        environment = self._environment
        stored = [_stored_key(key) for key in keys]

        def act() -> list[bytes | None]:
            database = environment.database(table)
            if database is None:
                return [None] * len(keys)
            with environment.lmdb.begin(db=database) as transaction:
                return list(map(transaction.get, stored))

        return environment.attempt(act)

    def delete(self, table: str, keys: Sequence[bytes]) -> None:
        """Remove rows in one transaction."""
        environment = self._environment

        def act() -> None:
            database = environment.database(table)
            if database is None:
                return
            with environment.lmdb.begin(db=database, write=True) as transaction:
                for key in keys:
                    transaction.delete(_stored_key(key))

        environment.attempt(act)

    def clear(self, table: str) -> None:
        """Empty a table; its pages are used again, the file does not shrink."""
        environment = self._environment

        def act() -> None:
            database = environment.database(table)
            if database is None:
                return
            with environment.lmdb.begin(db=database, write=True) as transaction:
                transaction.drop(database, delete=False)

        environment.attempt(act)

    def count(self, table: str) -> int:
        """Return the number of rows, which LMDB keeps."""
        environment = self._environment

        def act() -> int:
            database = environment.database(table)
            if database is None:
                return 0
            with environment.lmdb.begin(db=database) as transaction:
                return int(transaction.stat(database)["entries"])

        return environment.attempt(act)

    def close(self) -> None:
        """Give the environment back; the last store of a folder closes it."""
        if not self._closed:
            self._closed = True
            _environments.give_back(self._environment)


class _Environment:
    """One folder's LMDB environment, shared by the stores of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.borrowers = 0
        self._process = os.getpid()
        self._gate = Gate()
        self._databases: dict[str, lmdb._Database] = {}
        self._databases_lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.lmdb = lmdb.open(
                str(folder),
                map_size=_FIRST_MAP_BYTES,
                max_dbs=_TABLES,
                max_readers=_READERS,
                metasync=False,  # one disk flush a write: a power cut may lose the last ones
                readahead=False,  # reads are at random places
            )
        except (lmdb.Error, OSError) as error:
            raise self._unavailable(error) from error
        self.lmdb.reader_check()  # frees the slots of readers that were killed

    def attempt(self, act: Callable[[], T]) -> T:
        """Run a transaction; when the map is too small here or there, grow it and run again."""
        if os.getpid() != self._process:
            raise Unavailable(f"lmdb://{self.folder} was opened before a fork: open it again")
        while True:
            try:
                with self._gate:
                    return act()
            except lmdb.MapFullError:
                self._resize(2)
            except lmdb.MapResizedError:
                self._resize(0)  # 0: as large as another process made it
            except lmdb.Error as error:
                raise self._unavailable(error) from error

    def database(self, table: str, *, create: bool = False) -> "lmdb._Database | None":
        """Return the handle of a table; `None` if there is none yet and it is not wanted."""
        found = self._databases.get(table)
        if found is not None:
            return found
        name = check_table(table).encode()
        with self._databases_lock:
            if not create and not self._exists(name):
                return None
            # In a write transaction even to read, as a handle dies with a read transaction; and
            # in one of ours, as the one that open_db begins waits for other writers without
            # letting other threads run, the writer among them: a deadlock.
            with self.lmdb.begin(write=True) as transaction:
                opened = self.lmdb.open_db(name, txn=transaction, create=create)
            self._databases[table] = opened
        return opened

    def _exists(self, name: bytes) -> bool:
        """Look the table up among the keys of the unnamed database, where LMDB keeps them."""
        with self.lmdb.begin() as transaction:
            return transaction.cursor().set_key(name)

    def close(self) -> None:
        """Close when nobody reads or writes."""
        with self._gate.alone():
            self.lmdb.close()

    def _resize(self, factor: int) -> None:
        with self._gate.alone():
            self.lmdb.set_mapsize(factor * self.lmdb.info()["map_size"])

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"the online store lmdb://{self.folder} failed: {error}",
            hint="is the disk full or read-only?  If it is damaged, remove the folder and "
            "materialize again",
        )


class _Environments:
    """The environments that are open in this process, by real path."""

    def __init__(self) -> None:
        self._open: dict[str, _Environment] = {}
        self._lock = threading.Lock()

    def borrow(self, folder: Path) -> _Environment:
        """Return the folder's environment, opened by its first borrower."""
        path = os.path.realpath(folder)
        with self._lock:
            environment = self._open.get(path)
            if environment is None:
                environment = self._open[path] = _Environment(Path(path))
            environment.borrowers += 1
            return environment

    def give_back(self, environment: _Environment) -> None:
        """Close an environment when its last borrower gives it back."""
        with self._lock:
            environment.borrowers -= 1
            if environment.borrowers == 0:
                del self._open[str(environment.folder)]
                environment.close()


# State of the module, against the house's rule: LMDB's locks break if one process opens a
# folder twice, so that all stores of one folder must find the same environment.
_environments = _Environments()


def _stored_key(key: bytes) -> bytes:
    """Return a key of at most 501 bytes: a short one after a 0, a long one's digest after a 1."""
    if len(key) <= _LONGEST_PLAIN_KEY_BYTES:
        return b"\0" + key
    return b"\1" + bytes.fromhex(digest_bytes(key))
