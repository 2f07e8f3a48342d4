"""What an online store promises: the latest row of a key, in microseconds."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class OnlineStore(Protocol):
    """Tables of rows, bytes under bytes.

    The law, which `bucle.testing.contracts.online` checks for every driver:

    - A table exists from its first write on; before that it is empty, and not an error.
    - A key and a value are any bytes, of any length, empty ones too.
    - `write` and `delete` happen as a whole: no reader sees a part of one, whatever dies.
    - `read` answers in the order of the keys, `None` for a key that has no row.
    - Several processes may use one store (not `memory:`), any thread at any time.
    - A store that is full, corrupt or out of reach is `Unavailable`.
    - It holds what can be materialized again: a power cut may lose the last writes, never
      the table.
    """

    @property
    def url(self) -> str:
        """The URL that opens this store, without a password."""
        ...

    def write(self, table: str, rows: Mapping[bytes, bytes]) -> None:
        """Write rows over what was there."""
        ...

    def read(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key."""
        ...

    def delete(self, table: str, keys: Sequence[bytes]) -> None:
        """Remove the rows of these keys, as far as they are there."""
        ...

    def clear(self, table: str) -> None:
        """Remove all rows of a table."""
        ...

    def count(self, table: str) -> int:
        """Return the number of rows."""
        ...

    def close(self) -> None:
        """Give back files, memory and connections; calls after this are errors."""
        ...
