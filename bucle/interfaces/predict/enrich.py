"""Fill in the features that a request leaves out, from the online store, by its entity keys."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.drivers.house import Drivers
from bucle.interfaces.predict.codec import Call, listed
from bucle.lifecycle.features import OnlineView, read_features
from bucle.lifecycle.features.functions.call import in_thread
from bucle.lifecycle.registry import Field

_QUICK_STORES = ("lmdb:", "memory:")


class FeatureReader:
    """Reads the online store that the settings name; opens it when it is first needed."""

    def __init__(self, drivers: Drivers, threads: ThreadPoolExecutor) -> None:
        self._drivers = drivers
        self._threads = threads
        # Functions of views run as the model does; not in the threads that wait for them.
        self._functions = ThreadPoolExecutor(max(os.cpu_count() or 1, 2), "bucle-feature")
        self._run = in_thread(self._functions.submit)

    async def fill(self, views: Sequence[OnlineView], fields: Sequence[Field], call: Call) -> Call:
        """Return the call with the columns that the model takes, a view has and it lacks.

        What the request says itself holds.

        Raises:
            Invalid: a column is to be read and the request lacks an entity's key.
            Unavailable: the online store does not answer.
        """
        filled = call
        for view in views:
            wanted = lacking(view, fields, filled)
            if not wanted:
                continue
            if filled is call:  # another variant may answer in the end, from other views
                filled = msgspec.structs.replace(call, columns=dict(call.columns))
            keys = keys_of(view, wanted, filled)
            is_quick = self._drivers.settings.online_url.startswith(_QUICK_STORES)
            if is_quick and not view.on_demand:
                rows = self._read(view, keys, filled)
            else:  # what waits or computes must not hold the other requests up
                loop = asyncio.get_running_loop()
                rows = await loop.run_in_executor(self._threads, self._read, view, keys, filled)
            for name in wanted:
                filled.columns[name] = [_plain(row[name]) for row in rows]
        return filled

    def _read(
        self, view: OnlineView, keys: list[tuple[Any, ...]], call: Call
    ) -> list[dict[str, Any]]:
        columns = {name: listed(column) for name, column in call.columns.items()}
        return read_features(self._drivers, view, keys, columns, run=self._run).rows


def lacking(view: OnlineView, fields: Sequence[Field], call: Call) -> list[str]:
    """Return the model's columns that a view has and a request lacks."""
    known = frozenset(view.features)
    return [
        field.name for field in fields if field.name in known and field.name not in call.columns
    ]


def keys_of(view: OnlineView, wanted: Sequence[str], call: Call) -> list[tuple[Any, ...]]:
    """Return each row's key.

    Raises:
        Invalid: the request lacks one of its parts.
    """
    if not view.keys:
        return [()] * call.count
    for name in view.keys:
        if name not in call.columns:
            raise Invalid(
                f"the column {wanted[0]!r} is missing, and so is {name!r}, the key by which "
                f"{view.ref} would give it",
                hint=f"send {name!r}, or {wanted[0]!r} itself",
            )
    return list(zip(*(listed(call.columns[name]) for name in view.keys), strict=True))


def _plain(value: Any) -> Any:  # noqa: ANN401 - a feature's value
    """Return a value as a request would have sent it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value
