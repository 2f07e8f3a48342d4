"""Explore a version, once: what was found is kept with the version, under what was asked.

In eight scans at most, whatever the number of columns, beside the version's profile: one each
for the counts, the duplicates, the times and the sample, and with a reference as much of it.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import numpy as np

from bucle.base.codec import canonical_json, decode
from bucle.base.digest import digest_value
from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.drivers.engine import TableSource
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import sensitivity, store
from bucle.lifecycle.data.explore.counts import column_facts, duplicates_of, is_id
from bucle.lifecycle.data.explore.drift import (
    MAX_MISSING,
    MAX_PSI,
    column_drift,
    finite,
    judged,
    schema_verdicts,
)
from bucle.lifecycle.data.explore.findings import judge
from bucle.lifecycle.data.explore.records import Drift, Exploration, TimeFacts
from bucle.lifecycle.data.explore.relations import missing_patterns, pairs_of
from bucle.lifecycle.data.explore.sample import SEED, Array, Sample, draw
from bucle.lifecycle.data.explore.target import facts_of, leaks_of
from bucle.lifecycle.data.explore.times import afters_of, times_of
from bucle.lifecycle.data.profile import count_into, kinds_of, schema_of
from bucle.lifecycle.data.profiled import get_profile
from bucle.lifecycle.data.read import get_version, rows_of
from bucle.lifecycle.data.records import DatasetSpec, DatasetVersion, Profile

_FORMAT = 2  # of what is kept: another one is made anew
_MOST_PAIRED = 100  # columns


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at besides the columns themselves."""

    target: str = ""  # "": nothing is to be predicted
    time: str = ""  # "": the declared one
    created: str = ""  # the column that says when a row became known; "": none
    against: str = ""  # "": nothing to compare with
    max_psi: float = MAX_PSI
    max_missing: float = MAX_MISSING


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A wish with everything that it names."""

    wish: Wish
    version: DatasetVersion
    reference: DatasetVersion | None
    time: str
    key: tuple[str, ...]


def explore(session: Session, ref: Ref | str, wish: Wish | None = None) -> Exploration:
    """Return what there is to find in a version; who asks again gets what was found then.

    Raises:
        NotFound: no such version.
        Denied: the caller may not see all of its columns.
        Invalid: the target, a time or a moment is no column of the version, or no time.
    """
    asked = _asked(session, ref, wish or Wish())
    blobs = session.drivers.blobs
    key = f"explorations/{asked.version.digest}/{_digest(asked)}"
    try:
        kept = decode(read_content(blobs, blobs.get(key).decode()), Exploration)
        return msgspec.structs.replace(kept, version=asked.version.ref)
    except NotFound:
        made = _explored(session, asked)
    blobs.put(key, store_bytes(blobs, canonical_json(made)).encode())
    return made


def drift(
    session: Session, left: Ref | str, right: Ref | str, *,
    max_psi: float = MAX_PSI, max_missing: float = MAX_MISSING,
) -> Drift:  # fmt: skip
    """Compare the distributions of two versions, also of two datasets, by their columns' names.

    Raises:
        NotFound: no such version.
        Denied: the caller may not see all of their columns.
        Invalid: a limit is below zero.
    """
    if max_psi < 0 or max_missing < 0:
        raise Invalid("a limit is below 0", hint=f"--max-psi {MAX_PSI}")
    with session.begin(write=False) as scope:
        reference, version = _visible(scope, left), _visible(scope, right)
    return _drift(session, reference, version, limits=(max_psi, max_missing))


def _visible(scope: Scope, ref: Ref | str) -> DatasetVersion:
    """Return a version all of whose columns the caller may see: findings show values."""
    version = get_version(scope, ref)
    hidden = sensitivity.hidden_columns(scope, version.ref)
    sensitivity.require_visible(version.ref, hidden, scope.actor.name)
    return version


def _asked(session: Session, ref: Ref | str, wish: Wish) -> _Asked:
    with session.begin(write=False) as scope:
        version = _visible(scope, ref)
        reference = _visible(scope, wish.against) if wish.against else None
        found = store.find_spec(scope.tx, scope.project, version.ref.name)
    spec = found or DatasetSpec(name=version.ref.name)
    time = wish.time or (spec.time if spec.time in version.column_names else "") or ""
    for what, name in (("target", wish.target), ("time", time), ("created", wish.created)):
        if name and name not in version.column_names:
            raise Invalid(
                f"the {what} {name!r} is no column of {version.ref}",
                hint=f"it has {', '.join(version.column_names)}",
            )
    types = {column.name: column.type for column in version.columns}
    for what, name in (("time", time), ("created", wish.created)):
        if name and not types[name].startswith(("timestamp", "date")):
            raise Invalid(
                f"the {what} {name!r} of {version.ref} is {types[name]}",
                hint="name a column of times",
            )
    key = tuple(name for name in spec.key if name in version.column_names)
    return _Asked(wish=wish, version=version, reference=reference, time=time, key=key)


def _digest(asked: _Asked) -> str:
    against = asked.reference.digest if asked.reference else ""
    return digest_value([_FORMAT, asked.wish, against, asked.time, asked.key])


def _explored(session: Session, asked: _Asked) -> Exploration:
    engine, version, wish = session.drivers.engine, asked.version, asked.wish
    table = rows_of(session.drivers, version.files)
    profile = get_profile(session, version)
    kinds = {column.name: column.kind for column in profile.columns}
    types = {column.name: column.type for column in version.columns}
    sample = draw(engine, table, kinds, profile.rows)
    columns = column_facts(engine, table, profile, sample, types)
    useful = [
        one.profile.name
        for one in columns
        if one.profile.distinct > 1 and not one.is_id and one.profile.kind != "time"
    ]
    named = profile.column(wish.target) if wish.target else None
    if wish.target and named is None:
        raise Invalid(f"the target {wish.target!r} is {types[wish.target]}", hint="name another")
    target, goal = facts_of(named, sample) if named else (None, None)
    found = Exploration(
        version=version.ref,
        digest=version.digest,
        rows=profile.rows,
        sampled=sample.rows,
        seed=SEED,
        findings=(),
        columns=columns,
        patterns=missing_patterns(sample),
        pairs=pairs_of(sample, useful[:_MOST_PAIRED]),
        unpaired=tuple(name for name in types if name not in useful[:_MOST_PAIRED]),
        duplicates=duplicates_of(engine, table, asked.key),
        target=target,
        leaks=leaks_of(sample, goal, list(kinds), wish.target) if goal else (),
        times=_times(session, table, asked, profile) if asked.time else None,
        afters=afters_of(sample, asked.time) if asked.time else (),
        drift=_drift(
            session, asked.reference, version, limits=(wish.max_psi, wish.max_missing),
            sampled=sample,
        )
        if asked.reference
        else None,
    )  # fmt: skip
    return msgspec.structs.replace(found, findings=judge(found, created=wish.created))


def _times(
    session: Session, table: TableSource, asked: _Asked, profile: Profile
) -> TimeFacts | None:
    column = profile.column(asked.time)
    type_ = next(one.type for one in asked.version.columns if one.name == asked.time)
    if column is None:
        return None
    now: datetime = asked.version.committed_at
    has_hours = not type_.startswith("date")
    return times_of(session.drivers.engine, table, column, has_hours=has_hours, now=now)


def _drift(
    session: Session,
    reference: DatasetVersion,
    version: DatasetVersion,
    *,
    limits: tuple[float, float],
    sampled: Sample | None = None,
) -> Drift:
    """Count both in the reference's bins, and compare their samples."""
    engine = session.drivers.engine
    old, new = (rows_of(session.drivers, one.files) for one in (reference, version))
    before = get_profile(session, reference)
    after = count_into(engine, before, new)
    kinds_before, kinds_after = kinds_of(schema_of(old)), kinds_of(schema_of(new))
    same = {name: kind for name, kind in kinds_before.items() if kinds_after.get(name) == kind}
    types = {column.name: column.type for column in reference.columns}
    moving = {
        column.name
        for column in before.columns
        if column.kind == "time" or is_id(column, types[column.name])
    }
    numbers = {name: kind for name, kind in same.items() if kind == "number"} if same else {}
    first = finite(draw(engine, old, numbers, before.rows).numbers) if numbers else {}
    second = finite((sampled or draw(engine, new, numbers, after.rows)).numbers) if numbers else {}
    columns = [
        column_drift(one, after_one, _both(first, second, one.name))
        for one in before.columns
        for after_one in [after.column(one.name)]
        if one.name in same and one.name not in moving and after_one
    ]
    return judged(
        (reference.ref, version.ref),
        schema_verdicts(reference.columns, version.columns),
        columns,
        limits=limits,
        ignored=sorted(moving),
    )


def _both(
    first: Mapping[str, Array], second: Mapping[str, Array], name: str
) -> tuple[Array, Array] | None:
    if name not in first or name not in second:
        return None
    return np.asarray(first[name]), np.asarray(second[name])
