"""What this server was asked not to answer: deployments that somebody unloaded.

The names lie in a file of the server's home, so that a restart forgets none of them and every
worker of the port sees the same.  The plan is not touched: it says what should be served, and a
`load` brings that back.
"""

import os
from pathlib import Path

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid, Unavailable


class Shelf:
    """Used from the thread that follows the plans."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mark = 0
        self.names: frozenset[str] = frozenset()  # project.deployment
        self.look()

    def look(self) -> bool:
        """Read the file if it has changed; tell whether other names are in it now."""
        before = self.names
        try:
            mark = self._file.stat().st_mtime_ns
            if mark == self._mark:
                return False
            self.names = frozenset(decode(self._file.read_bytes(), list[str]))
            self._mark = mark
        except FileNotFoundError:
            self.names, self._mark = frozenset(), 0
        except (OSError, Invalid):  # somebody wrote into it by hand: what we know holds
            return False
        return self.names != before

    def put(self, name: str) -> None:
        """Note that a deployment is not answered.

        Raises:
            Unavailable: the file can not be written.
        """
        self._write(self.names | {name})

    def take(self, name: str) -> None:
        """Forget that a deployment is not answered.

        Raises:
            Unavailable: the file can not be written.
        """
        if name in self.names:
            self._write(self.names - {name})

    def _write(self, names: frozenset[str]) -> None:
        part = self._file.with_suffix(f".{os.getpid()}.part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(encode(sorted(names)))
            part.replace(self._file)
        except OSError as error:
            raise Unavailable(
                f"{self._file} can not be written: {error.strerror}",
                hint="bucle settings",
            ) from error
        self.look()
