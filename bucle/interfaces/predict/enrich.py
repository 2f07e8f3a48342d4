"""Fill in the features that requests leave out, from the online store, by their entity keys.

For a batch at once: one read of the store per view, however many requests there are.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bucle.base.errors import Invalid
from bucle.drivers.house import Drivers
from bucle.interfaces.predict.codec import Column, listed
from bucle.lifecycle.features import OnlineView, read_features
from bucle.lifecycle.features.functions.call import in_thread
from bucle.lifecycle.registry import Field

_QUICK_STORES = ("lmdb:", "memory:")
_PLAIN = frozenset({float, int, str, bool, type(None)})


class FeatureReader:
    """Reads the online store that the settings name; opens it when it is first needed."""

    def __init__(self, drivers: Drivers) -> None:
        self._drivers = drivers
        # Functions of views run as the model does; not in the threads that wait for them.
        self._functions = ThreadPoolExecutor(max(os.cpu_count() or 1, 2), "bucle-feature")
        self._run = in_thread(self._functions.submit)

    def is_quick(self, views: Iterable[OnlineView]) -> bool:
        """Tell whether reading neither waits nor computes: then it may be in the event loop."""
        in_reach = self._drivers.settings.online_url.startswith(_QUICK_STORES)
        return in_reach and not any(view.on_demand for view in views)

    def read(
        self,
        view: OnlineView,
        keys: Sequence[tuple[Any, ...]],
        columns: dict[str, Column],
    ) -> list[dict[str, Any]]:
        """Return the features of each key."""
        said = {name: listed(column) for name, column in columns.items()}
        return read_features(self._drivers, view, keys, said, run=self._run).rows


class Filler:
    """The views of one model, read for the requests that leave their columns out."""

    def __init__(
        self, reader: FeatureReader, views: Sequence[OnlineView], fields: Sequence[Field]
    ) -> None:
        self._reader = reader
        self._views = views
        self._fields = fields
        self._steps: dict[frozenset[str], tuple[tuple[OnlineView, tuple[str, ...]], ...]] = {}
        known = frozenset(name for view in views for name in view.features)
        self.names = frozenset(field.name for field in fields if field.name in known)
        self.is_quick = reader.is_quick(views)

    def check(self, columns: Iterable[str]) -> None:
        """Refuse a request that lacks the key by which a column would be read.

        Raises:
            Invalid: it does; both ways out are said.
        """
        said = frozenset(columns)
        if said in self._steps:
            return
        steps = steps_of(self._views, self._fields, said)
        if len(self._steps) < _SHAPES:
            self._steps[said] = steps

    def __call__(self, columns: dict[str, Column], rows: int) -> dict[str, Column]:
        """Return the columns with those that the model takes, a view has and they lack.

        What requests say themselves holds.

        Raises:
            Invalid: a key is none, or a feature can not be computed.
            Unavailable: the online store does not answer.
        """
        said = frozenset(columns)
        steps = self._steps.get(said) or steps_of(self._views, self._fields, said)
        for view, wanted in steps:
            keys = keys_of(view, columns, rows)
            found = self._reader.read(view, keys, columns)
            columns = {**columns, **{name: _column(found, name) for name in wanted}}
        return columns


_SHAPES = 256  # sets of columns that are remembered


def steps_of(
    views: Sequence[OnlineView], fields: Sequence[Field], said: frozenset[str]
) -> tuple[tuple[OnlineView, tuple[str, ...]], ...]:
    """Return which views are read, in which order, for which of the model's columns.

    Raises:
        Invalid: the key of one of them is not said.
    """
    have = set(said)
    steps = []
    for view in views:
        known = frozenset(view.features)
        wanted = tuple(
            field.name for field in fields if field.name in known and field.name not in have
        )
        if not wanted:
            continue
        if missing := [name for name in view.keys if name not in have]:
            raise Invalid(
                f"the column {wanted[0]!r} is missing, and so is {missing[0]!r}, the key by which "
                f"{view.ref} would give it",
                hint=f"send {missing[0]!r}, or {wanted[0]!r} itself",
            )
        have.update(wanted)
        steps.append((view, wanted))
    return tuple(steps)


def keys_of(view: OnlineView, columns: dict[str, Column], rows: int) -> list[tuple[Any, ...]]:
    """Return each row's key."""
    if not view.keys:
        return [()] * rows
    return list(zip(*(columns[name] for name in view.keys), strict=True))


def _column(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """Return a feature of each row, as requests would have sent it."""
    values = [row[name] for row in rows]
    if _PLAIN.issuperset(map(type, values)):
        return values
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:  # noqa: ANN401 - a feature's value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value
