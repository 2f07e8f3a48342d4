"""How far features moved: the population stability index over the bins of the older ones."""

from collections.abc import Iterator

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.verdict import Verdict
from bucle.drivers.engine import Engine
from bucle.lifecycle.data import ColumnProfile, Profile, count_into
from bucle.lifecycle.data.distance import psi

MOST_SHIFT = 0.2  # as usual: below 0.1 nothing moved, above 0.2 much did
MOST_MISSING = 0.1  # by so much of all entities the share of missing values may move


def drift_of_rows(
    engine: Engine, old: Profile, rows: pa.Table, most: float = MOST_SHIFT
) -> tuple[Verdict, ...]:
    """Return how far the features of some rows are from a profile.

    Raises:
        Invalid: the rows have none of the features.
    """
    known = [column.name for column in old.columns if column.name in rows.column_names]
    if not known:
        raise Invalid(
            "the rows have none of the view's features",
            hint=f"it has {', '.join(column.name for column in old.columns)}",
        )
    older = Profile(
        rows=old.rows, columns=tuple(each for each in old.columns if each.name in known)
    )
    counted = count_into(engine, older, rows.select(known))
    return tuple(drift(older, counted, most))


def drift(old: Profile, new: Profile, most: float = MOST_SHIFT) -> Iterator[Verdict]:
    """Yield how far each feature is from its old distribution, `new` counted in the same bins."""
    for column in old.columns:
        fresh = new.column(column.name)
        if fresh is None:
            continue
        before, after = _missing(column, old.rows), _missing(fresh, new.rows)
        yield Verdict(
            name=f"{column.name} missing",
            ok=abs(after - before) <= MOST_MISSING,
            value=after,
            limit=MOST_MISSING,
            note=f"{before:.1%} of entities had none" if before != after else "",
        )
        counts = (_counts(column), _counts(fresh))
        if not sum(counts[0]) or not sum(counts[1]):
            continue
        shift = psi(*counts)
        note = ""
        if column.mean is not None and fresh.mean is not None:
            note = f"mean {column.mean:.6g} before, {fresh.mean:.6g} now"
        yield Verdict(
            name=f"{column.name} shift", ok=shift <= most, value=shift, limit=most, note=note
        )


def _missing(column: ColumnProfile, rows: int) -> float:
    return column.nulls / rows if rows else 0.0


def _counts(column: ColumnProfile) -> list[int]:
    if column.edges:
        return list(column.counts)
    return [*(count for _, count in column.top), column.other]
