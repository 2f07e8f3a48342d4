"""Take packs into a project: after this, what they hold may be committed, and is not sent again."""

from collections.abc import Sequence

from bucle.base.errors import Conflict, Refused
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import content_key
from bucle.drivers.blobs.packs import Member, members_of, parts_of
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.packs import store
from bucle.lifecycle.data.packs.records import PackReport


def missing(scope: Scope, name: str, digests: Sequence[str]) -> tuple[str, ...]:
    """Return those of some contents that no pack of the project holds, in their order."""
    scope.require(Permission.DATASET_READ, Ref("dataset", check_name(name)))
    there = store.find_places(scope.tx, scope.project, digests)
    return tuple(digest for digest in digests if digest not in there)


def add_packs(session: Session, name: str, packs: Sequence[str]) -> tuple[PackReport, ...]:
    """Take in packs that are in the content store.

    Raises:
        NotFound: there is no such content.
        Refused: a content is no pack, or holds something else than it says.
    """
    return tuple(_added(session, Ref("dataset", check_name(name)), digest) for digest in packs)


def hold(scope: Scope, ref: Ref, packs: Sequence[str]) -> None:
    """Keep packs from being collected, as a version that relies on them is written.

    Raises:
        Conflict: one was collected meanwhile.
    """
    scope.require(Permission.DATASET_WRITE, ref)
    if store.touch_packs(scope.tx, scope.project, packs, scope.now) != len(set(packs)):
        raise Conflict(
            f"some of the files that {ref} was to have were collected as garbage meanwhile",
            hint="nothing was written; commit again, and they are stored again",
        )


def copy_packs(source: Scope, target: Scope) -> None:
    """Let another house find what a project's packs hold; both read one content store."""
    source.require(Permission.DATASET_READ)
    target.require(Permission.DATASET_WRITE)
    for project, digest, size_bytes, used_at in store.iter_packs(source.tx):
        if project == source.project:
            members = [Member(*each) for each in store.iter_members(source.tx, project, digest)]
            store.add_pack(target.tx, target.project, digest, members, of=(size_bytes, used_at))


def _added(session: Session, ref: Ref, digest: str) -> PackReport:
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, ref)
    pack = session.drivers.blobs.get(content_key(digest))
    members = members_of(pack)
    with session.begin() as scope:
        store.add_pack(scope.tx, scope.project, digest, members, of=(len(pack), scope.now))
        _require_parts(scope, pack, members)
        scope.record(
            "dataset.packed", ref, pack=digest, contents=len(members), size_bytes=len(pack)
        )
    return PackReport(digest=digest, contents=len(members), size_bytes=len(pack))


def _require_parts(scope: Scope, pack: bytes, members: Sequence[Member]) -> None:
    """Refuse a list of parts that are not there: the file would be one that nobody can read."""
    wanted = [
        part
        for each in members
        if each.is_list
        for part in parts_of(pack[each.start : each.start + each.length])
    ]
    there = store.find_places(scope.tx, scope.project, wanted)
    if absent := [part for part in wanted if part not in there]:
        raise Refused(
            f"the pack lists {len(absent)} parts that no pack holds, such as {absent[0]}",
            hint="add the packs of a file's parts before the list of them",
        )
