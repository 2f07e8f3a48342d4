"""Find the packs of which nothing is needed any more, and forget them."""

from collections.abc import Collection, Iterator
from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_key
from bucle.drivers.blobs.packs import parts_of
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.packs import store


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, and how much of it is needed."""

    project: str
    digest: str
    size_bytes: int
    used_at: datetime
    unused_bytes: int  # of contents that nothing needs
    is_dead: bool  # nothing in it is needed


def weigh_packs(session: Session, files: Collection[str]) -> Iterator[Pack]:
    """Yield every pack, weighed by the files that versions have, by their digests."""
    with session.begin(write=False) as scope:
        packs = list(store.iter_packs(scope.tx))
        held = {
            (project, digest): list(store.iter_members(scope.tx, project, digest))
            for project, digest, _, _ in packs
        }
    blobs = session.drivers.blobs
    parts: set[str] = set()
    for (_, pack), members in held.items():
        for digest, start, length, is_list in members:
            if is_list and digest in files:
                parts.update(parts_of(blobs.get_range(content_key(pack), start, start + length)))
    for project, digest, size_bytes, used_at in packs:
        unused = [
            length
            for member, _, length, _ in held[project, digest]
            if member not in files and member not in parts
        ]
        yield Pack(
            project=project,
            digest=digest,
            size_bytes=size_bytes,
            used_at=used_at,
            unused_bytes=sum(unused),
            is_dead=len(unused) == len(held[project, digest]),
        )


def forget(scope: Scope, pack: Pack) -> bool:
    """Forget a pack, unless somebody came to rely on it since it was weighed."""
    scope.require(Permission.RUN_PURGE, Ref("blob", pack.digest))
    return store.drop_pack(scope.tx, pack.project, pack.digest, seen=pack.used_at)
