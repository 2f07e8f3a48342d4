"""A whole installation in a temporary folder, with a clock that stands still."""

from datetime import UTC, datetime
from pathlib import Path

from bucle.base.clock import ManualClock
from bucle.base.settings import load_settings
from bucle.governance.session import House

START = datetime(2026, 1, 1, tzinfo=UTC)


def open_test_house(folder: Path, *, start: datetime = START, **settings: str) -> House:
    """Open a house under a folder; `settings` are `BUCLE_...` fields, as `database_url=...`.

    Its clock is a `ManualClock` at `house.drivers.clock`, unless `clock_url` is given.  Models are
    registered without being tried in a process of their own, unless `verify` is given.
    """
    settings = {"verify": "off"} | settings
    environ = {f"BUCLE_{name.upper()}": value for name, value in settings.items()}
    house = House(load_settings({"BUCLE_HOME": str(folder)} | environ))
    if "clock_url" not in settings:
        house.drivers.__dict__["clock"] = ManualClock(start)
    return house
