"""What a client needs of its transport: the same operations here or at a server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bucle.interfaces.operations.table import AnyOperation

# Told while bytes move: what, how many were moved, how many there are in all.
Progress = Callable[[str, int, int], None]


def silent(_label: str, _moved: int, _total: int) -> None:
    """Tell nobody."""


class Transport(Protocol):
    """The way to an installation.

    Law: an operation gives the same answer, or the same error, whichever transport carries it.
    """

    @property
    def project(self) -> str:
        """The project that calls are made in."""
        ...

    @property
    def where(self) -> str:
        """The server's URL, or the home's path."""
        ...

    @property
    def spool_path(self) -> Path:
        """The folder in which runs keep what they say until the installation has it."""
        ...

    @property
    def cache_path(self) -> Path:
        """A folder of this machine for what can be made anew."""
        ...

    def call(self, row: AnyOperation, request: msgspec.Struct) -> Any:  # noqa: ANN401 - the row's response
        """Run an operation and return its response."""
        ...

    def put_content(self, content: bytes | Path, progress: Progress = silent) -> str:
        """Store content, unless it is there, and return its digest."""
        ...

    def content_file(self, digest: str, progress: Progress = silent) -> Path:
        """Return a file with that content, which must not be changed."""
        ...

    def content_part(self, digest: str, start: int, end: int) -> bytes:
        """Return the bytes `start <= i < end` of stored content, which nobody checked."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...
