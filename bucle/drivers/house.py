"""`Drivers`: every driver that the settings name, opened when it is first used."""

from functools import cached_property
from pathlib import Path

from bucle.base.clock import Clock, open_clock
from bucle.base.settings import Settings
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.db import Database, open_database


class Drivers:
    """The outside world of one installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        """Where `now` comes from."""
        return open_clock(self.settings.clock_url)

    @cached_property
    def database(self) -> Database:
        """The metadata database."""
        return open_database(self.settings.database_url)

    @cached_property
    def blobs(self) -> BlobStore:
        """Large bytes by key."""
        return open_blobs(self.settings.blobs_url)

    @property
    def cache_path(self) -> Path:
        """A folder for local copies that may be deleted at any time."""
        return self.settings.home_path / "cache"

    def close(self) -> None:
        """Close what was opened; what was not is not opened for it."""
        for name in ("database",):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
