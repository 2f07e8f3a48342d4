"""Collect garbage: delete content that nothing refers to and that was stored long ago.

The content store is one for all projects and all rooms, so all of them are looked at.  What is
younger than the grace stays, as somebody may be about to refer to it; to store something again
makes it young.  A pack goes when nothing in it is needed and no commit came to rely on it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import content_key
from bucle.governance.permissions import Permission
from bucle.governance.principals import EVERY_PROJECT
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.collect.records import GarbageReport, Held
from bucle.lifecycle.data.collect.roots import named_by_database, named_outside, needed
from bucle.lifecycle.data.packs.dead import Pack, forget, weigh_packs

_SHORTEST = timedelta(hours=1)
_LISTED = 1_000


class _Stored(msgspec.Struct, frozen=True):
    size_bytes: int
    modified_at: datetime


class _Plan(msgspec.Struct, frozen=True):
    needed: Mapping[str, str]
    packs: list[Pack]  # that are to be forgotten
    old: list[str]  # contents to delete
    young: list[str]
    unused_bytes: int


def collect(session: Session, *, grace: str = "7d", delete: bool = False) -> GarbageReport:
    """List what nothing refers to and is older than the grace, and delete it if told to.

    Raises:
        Invalid: the grace is no duration, or is shorter than an hour.
        Denied: the caller may not purge in every project: the store is everybody's.
        Refused: something that is needed can not be read; nothing is deleted then.
    """
    session.actor.require(Permission.RUN_PURGE, EVERY_PROJECT, " from the content store")
    ages = _ages(session, grace)
    stored = _stored(session.drivers.blobs)
    plan = _planned(session, stored, ages)
    gone = _deleted(session, plan, ages.stored_before) if delete else plan.old
    if delete:
        with session.begin() as scope:
            _record(scope, gone, stored)
    return GarbageReport(
        deleted=delete,
        grace=grace,
        objects=len(gone),
        size_bytes=_sum(stored, gone),
        young_objects=len(plan.young),
        young_bytes=_sum(stored, plan.young),
        unused_bytes=plan.unused_bytes,
        held=_held(plan.needed, stored),
        digests=tuple(gone[:_LISTED]),
    )


def _stored(blobs: BlobStore) -> dict[str, _Stored]:
    return {
        blob.key.rpartition("/")[2]: _Stored(blob.size_bytes, blob.modified_at)
        for blob in blobs.list("content")
    }


class _Ages(msgspec.Struct, frozen=True):
    stored_before: datetime  # by the clock of the store, which the house's may run ahead of
    used_before: datetime  # by the house's


def _ages(session: Session, grace: str) -> _Ages:
    try:
        span = parse_duration(grace)
        ages = _Ages(datetime.now(UTC) - span, session.drivers.clock.now() - span)
    except OverflowError as error:
        raise Invalid(f"a grace of {grace} is longer than time", hint="give 7d") from error
    if span < _SHORTEST:
        raise Invalid(
            f"a grace of {grace} would take what is being committed", hint="give 1h or more"
        )
    return ages


def _planned(session: Session, stored: Mapping[str, _Stored], ages: _Ages) -> _Plan:
    blobs = session.drivers.blobs
    roots = {**named_outside(blobs), **named_by_database(session)}
    need = needed(blobs, roots, {digest: each.size_bytes for digest, each in stored.items()})
    packs = list(weigh_packs(session, need.files))
    dead = [pack for pack in packs if pack.is_dead and pack.used_at < ages.used_before]
    kept = [pack for pack in packs if pack not in dead]
    contents = need.contents | {pack.digest: "content_packs" for pack in kept}
    garbage = sorted(digest for digest in stored if digest not in contents)
    old = [digest for digest in garbage if stored[digest].modified_at < ages.stored_before]
    gone = set(old)
    young = [digest for digest in garbage if digest not in gone]
    return _Plan(
        needed=contents,
        packs=dead,
        old=old,
        young=young,
        unused_bytes=sum(pack.unused_bytes for pack in kept),
    )


def _deleted(session: Session, plan: _Plan, before: datetime) -> list[str]:
    """Delete what nobody came to refer to meanwhile, and return what is gone."""
    stays = set()
    for pack in plan.packs:
        with session.begin() as scope:
            if not forget(scope, pack):
                stays.add(pack.digest)
    stays |= named_by_database(session).keys()
    blobs = session.drivers.blobs
    return [
        digest
        for digest in plan.old
        if digest not in stays and blobs.delete_before(content_key(digest), before)
    ]


def _record(scope: Scope, gone: list[str], stored: Mapping[str, _Stored]) -> None:
    ref = Ref("blob", "content")
    scope.require(Permission.RUN_PURGE, ref)
    scope.record("blob.collected", ref, objects=len(gone), size_bytes=_sum(stored, gone))


def _held(contents: Mapping[str, str], stored: Mapping[str, _Stored]) -> tuple[Held, ...]:
    by: dict[str, list[str]] = {}
    for digest, table in contents.items():
        if digest in stored:
            by.setdefault(table, []).append(digest)
    return tuple(
        Held(by=table, objects=len(by[table]), size_bytes=_sum(stored, by[table]))
        for table in sorted(by)
    )


def _sum(stored: Mapping[str, _Stored], digests: Iterable[str]) -> int:
    return sum(stored[digest].size_bytes for digest in digests)
