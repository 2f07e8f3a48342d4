"""What a stream store promises: values of a topic in the order in which they came."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

LONGEST_BYTES = 512 * 1024  # of one value, in every driver


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One value and where it stands in its topic."""

    position: str
    value: bytes


class Stream(Protocol):
    """Topics of values, each at a position.

    The law, which `bucle.testing.contracts.streams` checks for every driver:

    - A topic exists from its first append on; before that it is empty, and not an error.
    - A value is any bytes up to 512 KiB, none too.
    - Positions are text and sort as the values came; "" is before all of them.  None is given
      twice, also after a trim.
    - `append` returns when its values will survive the end of any process; they stand in the
      order given.  Where it fails, the first of them may be there: who repeats it may double.
    - `read` gives what stands after a position, and nothing is skipped: a value that is written
      later stands later.
    - Several processes may write and read one topic, any thread at any time.
    - A store that is full, damaged or out of reach is `Unavailable`.
    - Who reads keeps where it stands: the store knows nothing of readers.
    """

    @property
    def url(self) -> str:
        """The URL that opens this store, without a password."""
        ...

    def append(self, topic: str, values: Sequence[bytes]) -> str:
        """Write values at the end of a topic; return the position of the last, "" of none."""
        ...

    def read(self, topic: str, after: str, limit: int, wait_s: float = 0) -> list[Record]:
        """Return up to so many values after a position; wait so long for the first, no longer."""
        ...

    def trim(self, topic: str, upto: str) -> None:
        """Forget values up to a position, it too; some may stay where that is cheaper."""
        ...

    def count(self, topic: str) -> int:
        """Return how many values a topic holds."""
        ...

    def close(self) -> None:
        """Give back files and connections; calls after this are errors."""
        ...
