"""The tables of packs: which there are in a project, and which contents lie where in them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from bucle.drivers.blobs.packs import Member
from bucle.drivers.db import Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.data.packs.records import Place

content_packs = Table(
    "content_packs",
    metadata,
    Column("project", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("contents", Integer, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),  # added, or newest commit that relies on it
)

packed_contents = Table(
    "packed_contents",
    metadata,
    Column("project", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("pack", String, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("is_list", Boolean, nullable=False),  # its bytes name its parts
    Index("ix_packed_contents_pack", "project", "pack"),
)

_AT_ONCE = 5_000  # values in one statement: both databases take more
_PACK = content_packs.c
_PACKED = packed_contents.c


def add_pack(
    tx: Tx, project: str, digest: str, members: Sequence[Member], *, of: tuple[int, datetime]
) -> None:
    """Insert a pack and its contents; one that lies in another pack already stays there."""
    place = {"size_bytes": of[0], "contents": len(members), "used_at": of[1]}
    statement = upsert_into(tx, content_packs).values(project=project, digest=digest, **place)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=[_PACK.project, _PACK.digest], set_={"used_at": of[1]}
        )
    )
    rows = [
        {
            "project": project, "digest": each.digest, "pack": digest, "start": each.start,
            "length": each.length, "is_list": each.is_list,
        }
        for each in members
    ]  # fmt: skip
    if rows:
        tx.execute(upsert_into(tx, packed_contents).on_conflict_do_nothing(), rows)


def find_places(tx: Tx, project: str, digests: Iterable[str]) -> dict[str, Place]:
    """Return where those contents lie that are packed."""
    query = select(
        _PACKED.digest, _PACKED.pack, _PACKED.start, _PACKED.length, _PACKED.is_list
    ).where(_PACKED.project == project)
    found = {}
    for some in _groups(digests):
        for row in tx.execute(query.where(_PACKED.digest.in_(some))):
            found[row[0]] = Place(row[1], row[2], row[3], row[4])
    return found


def touch_packs(tx: Tx, project: str, packs: Iterable[str], now: datetime) -> int:
    """Note that packs are relied upon now; return how many of them there are."""
    count = 0
    for some in _groups(packs):
        same = (_PACK.project == project) & _PACK.digest.in_(some)
        count += tx.execute(update(content_packs).where(same).values(used_at=now)).rowcount
    return count


def iter_packs(tx: Tx) -> Iterator[tuple[str, str, int, datetime]]:
    """Yield every pack of every project: project, digest, bytes, and when it was used last."""
    query = select(_PACK.project, _PACK.digest, _PACK.size_bytes, _PACK.used_at)
    for row in tx.execute(query.order_by(_PACK.project, _PACK.digest)):
        yield row[0], row[1], row[2], row[3]


def iter_members(tx: Tx, project: str, pack: str) -> Iterator[tuple[str, int, int, bool]]:
    """Yield digest, start, length and whether it is a list, of what a pack holds."""
    query = select(_PACKED.digest, _PACKED.start, _PACKED.length, _PACKED.is_list)
    for row in tx.execute(query.where(_PACKED.project == project, _PACKED.pack == pack)):
        yield row[0], row[1], row[2], row[3]


def count_packed(tx: Tx, project: str) -> int:
    """Return how many contents of a project are packed."""
    query = select(func.count()).select_from(packed_contents).where(_PACKED.project == project)
    return int(tx.execute(query).scalar_one())


def drop_pack(tx: Tx, project: str, digest: str, *, seen: datetime) -> bool:
    """Forget a pack and its contents, unless it was used since; tell whether it was forgotten."""
    same = (_PACK.project == project) & (_PACK.digest == digest) & (_PACK.used_at == seen)
    if tx.execute(delete(content_packs).where(same)).rowcount != 1:
        return False
    tx.execute(delete(packed_contents).where(_PACKED.project == project, _PACKED.pack == digest))
    return True


def _groups(values: Iterable[str]) -> Iterator[list[str]]:
    """Part values into groups that a statement takes, each value once."""
    several = list(dict.fromkeys(values))
    for start in range(0, len(several), _AT_ONCE):
        yield several[start : start + _AT_ONCE]
