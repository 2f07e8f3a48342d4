"""The transport without a server: operations run in this process, as the local owner."""

from pathlib import Path
from typing import Any

import msgspec

from bucle.base.codec import convert, to_builtins
from bucle.base.settings import Settings
from bucle.drivers.blobs.content import content_key, content_path, store_bytes, store_file
from bucle.governance.access.tokens import bearer_of
from bucle.governance.session import House, Session
from bucle.interfaces.client.places import place_of
from bucle.interfaces.client.transport import Progress, silent
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.table import AnyOperation


class InProcess:
    """Operations in this process; see `Transport`."""

    def __init__(self, session: Session, *, owns_house: bool = False) -> None:
        self.session = session
        self._owns_house = owns_house

    @property
    def project(self) -> str:
        """The session's project."""
        return self.session.project

    @property
    def where(self) -> str:
        """The home's path."""
        return self.session.house.settings.home

    @property
    def spool_path(self) -> Path:
        """The folder of spools of this home's project; points wait there for a second."""
        return place_of(self.session.house.settings.home_path, "", self.project)

    @property
    def cache_path(self) -> Path:
        """The home's cache."""
        return self.session.drivers.cache_path

    def call(self, row: AnyOperation, request: msgspec.Struct) -> Any:  # noqa: ANN401 - the row's response
        """Run an operation, and hand out what a server would: the answer's plain values."""
        return convert(to_builtins(call(self.session, row, request)), row.response)

    def put_content(self, content: bytes | Path, progress: Progress = silent) -> str:  # noqa: ARG002 - nothing is moved
        """Store content under its digest."""
        blobs = self.session.drivers.blobs
        return (
            store_file(blobs, content) if isinstance(content, Path) else store_bytes(blobs, content)
        )

    def content_file(self, digest: str, progress: Progress = silent) -> Path:  # noqa: ARG002 - nothing is moved
        """Return the stored file itself, or a checked copy from a remote store."""
        drivers = self.session.drivers
        return content_path(drivers.blobs, digest, drivers.cache_path)

    def content_part(self, digest: str, start: int, end: int) -> bytes:
        """Read a part of a blob."""
        return self.session.drivers.blobs.get_range(content_key(digest), start, end)

    def close(self) -> None:
        """Close the house if it was opened for this client."""
        if self._owns_house:
            self.session.house.close()


def open_in_process(settings: Settings) -> InProcess:
    """Open the installation that the settings name, as the owner or as a token's principal.

    Raises:
        Denied: `BUCLE_TOKEN` is set and is no token of this installation.
    """
    house = House(settings)
    session = house.session()
    if settings.token:
        with session.begin(write=False) as scope:
            actor = bearer_of(scope.tx, settings.token, scope.now)
        session = house.session(actor)
    return InProcess(session, owns_house=True)
