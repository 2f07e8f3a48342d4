"""Rows of many requests on their way into the log: which of them, and what of each is written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Required, TypedDict

import numpy as np

from bucle.interfaces.predict.wal import Array, Rows, Source, packed, sixty_four
from bucle.lifecycle.serving.logged import PlannedLog, is_in, is_kept, masked, without_values

_Column = Array | Sequence[Any]


class Many(TypedDict, total=False):
    """Rows that one source answered at about the same time; a value for each in every field.

    `at_us` may be one moment for all; `errors` is "" where a row did not fail, and `keys` are the
    routing keys ("": none) by which a log may choose its rows.
    """

    source: Required[int]
    epoch: Required[int]
    ids: Required[list[str]]
    at_us: Required[int | list[int]]
    latency_us: Required[list[int]]
    columns: Required[Mapping[str, _Column]]
    outputs: Required[Mapping[str, _Column]]
    errors: list[str] | None
    keys: Sequence[str] | None


def all_rows(many: Many, share: float = 1.0) -> Rows:
    """Return the rows as they are written, as a share of their kind."""
    at = many["at_us"]
    return Rows(
        source=many["source"],
        ids="".join(many["ids"]).encode("ascii"),
        at_us=at if isinstance(at, int) else sixty_four(at),
        latency_us=sixty_four(many["latency_us"]),
        columns={name: packed(values) for name, values in many["columns"].items()},
        outputs={name: packed(values) for name, values in many["outputs"].items()},
        errors=many.get("errors"),
        share=share,
    )


class Chooser:
    """What of the rows of one source is logged."""

    def __init__(self, plan: PlannedLog, source: Source, secret: bytes | None) -> None:
        self._plan = plan
        self._inputs = tuple(field.name for field in source.inputs)
        self._secret = secret
        self.left_out = tuple(
            name
            for name in dict.fromkeys((*self._inputs, *plan.left_out, *plan.hashed))
            if not is_kept(plan, name, self._inputs) or (secret is None and name in plan.hashed)
        )
        self.hashed = plan.hashed if secret else ()

    def parts(self, many: Many) -> Iterator[Rows]:
        """Yield the rows that are logged: what failed with all of its kind, the rest by share."""
        for places, share in self._places(many):
            if len(places) == len(many["ids"]):
                part = many
            elif places:
                part = _taken(many, places)
            else:
                continue
            columns = masked(self._plan, self._secret, part["columns"], self._inputs)
            if errors := part.get("errors"):
                errors = without_values(self._plan, errors, part["columns"])
            yield all_rows({**part, "columns": columns, "errors": errors}, share)

    def _places(self, many: Many) -> tuple[tuple[list[int], float], ...]:
        """Return which rows are logged as what share of their kind."""
        share, ids, errors = self._plan.share, many["ids"], many.get("errors")
        if share >= 1:
            return ((list(range(len(ids))), 1.0),)
        keys = (many.get("keys") or ids) if self._plan.by == "key" else ids
        failed = [place for place, told in enumerate(errors or ()) if told]
        chosen = [
            place
            for place, (id_, key) in enumerate(zip(ids, keys, strict=True))
            if not (errors and errors[place]) and is_in(share, key or id_)
        ]
        return ((chosen, share), (failed, 1.0))


def _taken(many: Many, places: list[int]) -> Many:
    def column(values: _Column) -> _Column:
        if isinstance(values, np.ndarray):
            found: Array = values[places]
            return found
        return [values[place] for place in places]

    at, errors = many["at_us"], many.get("errors")
    return {
        "source": many["source"],
        "epoch": many["epoch"],
        "ids": [many["ids"][place] for place in places],
        "at_us": at if isinstance(at, int) else [at[place] for place in places],
        "latency_us": [many["latency_us"][place] for place in places],
        "columns": {name: column(values) for name, values in many["columns"].items()},
        "outputs": {name: column(values) for name, values in many["outputs"].items()},
        "errors": [errors[place] for place in places] if errors else None,
    }
