"""`Drivers`: every driver that the settings name, opened when it is first used."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bucle.base.clock import Clock, open_clock
from bucle.base.settings import Settings
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.compute import Compute, open_compute
from bucle.drivers.engine import Engine, open_engine
from bucle.drivers.online import OnlineStore, open_online
from bucle.drivers.streams import Stream, open_streams

if TYPE_CHECKING:
    from bucle.drivers.db import Database


class Drivers:
    """The outside world of one installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        """Where `now` comes from."""
        return open_clock(self.settings.clock_url)

    @cached_property
    def database(self) -> "Database":
        """The metadata database."""
        from bucle.drivers.db import open_database  # lazy: a model server has none

        return open_database(self.settings.database_url)

    @cached_property
    def blobs(self) -> BlobStore:
        """Large bytes by key."""
        return open_blobs(self.settings.blobs_url)

    @cached_property
    def engine(self) -> Engine:
        """SQL over tables and Parquet files in this process, in the dialect of DuckDB."""
        if self._is_embedded:
            return open_engine(self.settings.engine_url)
        return open_engine("duckdb:")

    @cached_property
    def offline(self) -> Engine:
        """Where features are computed offline: the engine that the settings name."""
        return self.engine if self._is_embedded else open_engine(self.settings.engine_url)

    @property
    def _is_embedded(self) -> bool:
        return not self.settings.engine_url.startswith("spark:")

    @cached_property
    def online(self) -> OnlineStore:
        """The latest feature rows."""
        return open_online(self.settings.online_url)

    @cached_property
    def streams(self) -> Stream:
        """Events, in the order in which they came."""
        return open_streams(self.settings.streams_url)

    @cached_property
    def compute(self) -> Compute:
        """Functions in processes of their own."""
        return open_compute(self.settings.compute_url)

    @property
    def cache_path(self) -> Path:
        """A folder for local copies that may be deleted at any time."""
        return self.settings.home_path / "cache"

    def close(self) -> None:
        """Close what was opened; what was not is not opened for it."""
        offline = self.__dict__.pop("offline", None)
        if offline is not None and offline is not self.__dict__.get("engine"):
            offline.close()
        for name in ("compute", "engine", "online", "streams", "database"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
