"""Rows in this process's memory: for tests and throw-away runs, gone when it ends."""

import threading
from collections.abc import Mapping, Sequence

from bucle.drivers.online.names import check_table


class MemoryOnline:
    """`memory:`: each opening is a store of its own."""

    url = "memory:"

    def __init__(self) -> None:
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._lock = threading.Lock()

    def write(self, table: str, rows: Mapping[bytes, bytes]) -> None:
        """Write rows over what was there."""
        check_table(table)
        with self._lock:
            self._tables.setdefault(table, {}).update(rows)

    def read(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key."""
        check_table(table)
        with self._lock:
            rows = self._tables.get(table, {})
            return [rows.get(key) for key in keys]

    def delete(self, table: str, keys: Sequence[bytes]) -> None:
        """Remove rows."""
        check_table(table)
        with self._lock:
            rows = self._tables.get(table, {})
            for key in keys:
                rows.pop(key, None)

    def clear(self, table: str) -> None:
        """Remove all rows of a table."""
        check_table(table)
        with self._lock:
            self._tables.pop(table, None)

    def count(self, table: str) -> int:
        """Return the number of rows."""
        check_table(table)
        with self._lock:
            return len(self._tables.get(table, {}))

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tables.clear()
