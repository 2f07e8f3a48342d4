"""Split a version into what fits, what selects and what confirms, and keep that as an artefact.

A split is made once and never changed.  Its confirming part is read by `look` only, which counts
and says who looked and why: rows that are looked at again and again confirm nothing any more.
"""

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.assign import Parts, assign, check_spec, none_empty
from bucle.lifecycle.data.read import dataset_ref, file_paths, find_bare, get_version, quoted
from bucle.lifecycle.data.records import (
    CONFIRM,
    PARTS,
    DatasetVersion,
    Look,
    PartFile,
    Split,
    SplitReport,
    SplitSpec,
    Stratum,
)
from bucle.lifecycle.data.seal import require_unsealed
from bucle.lifecycle.data.stratify import keys_of, strata_parts

PART = "bucle_part"  # the column of a row's part, beside the dataset's own
_COLUMN = "part"
_LOOKS = 200
_STRATA = 100


def split(session: Session, ref: Ref | str, spec: SplitSpec) -> Split:
    """Split a version; the same split again is the same, and another of that name is refused.

    Raises:
        Invalid: the shares or the columns do not do.
        NotFound: no such version.
        Conflict: the name is of another dataset's split, or of other shares.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, dataset_ref(ref))
        version = get_version(scope, ref)
        declared = store.find_spec(scope.tx, scope.project, version.ref.name)
    check_name(spec.name)
    check_spec(spec, version.column_names)
    strata: tuple[Stratum, ...] = ()
    if spec.stratify:
        key = spec.key or (declared.key if declared else ())
        parts, strata = _stratified(session, version, spec, key)
    else:
        parts = assign(spec, _columns(session, version, [spec.by or spec.time or ""]))
    digest = store_bytes(session.drivers.blobs, _parquet(pa.table({_COLUMN: parts})))
    counts = {name: int((parts == place).sum()) for place, name in enumerate(PARTS)}
    with session.begin() as scope:
        made = Split(
            ref=Ref("split", spec.name, version.number),
            dataset=version.ref,
            spec=spec,
            digest=digest,
            rows=counts,
            made_at=scope.now,
            made_by=scope.actor.name,
            strata=tuple(sorted(strata, key=lambda each: not each.is_thin)[:_STRATA]),
        )
        return _kept(scope, made)


def _stratified(
    session: Session, version: DatasetVersion, spec: SplitSpec, key: tuple[str, ...]
) -> tuple[Parts, tuple[Stratum, ...]]:
    """Draw class by class; what the split's earlier version has assigned stays as it is."""
    names = list(dict.fromkeys((*spec.stratify, *key, *((spec.by,) if spec.by else ()))))
    before: dict[bytes, int] = {}
    with session.begin(write=False) as scope:
        found = store.find_split_before(scope.tx, scope.project, spec.name, version.number)
        old = None
        if found and key and found.spec == spec and found.dataset.bare == version.ref.bare:
            old = find_bare(scope, found.dataset)
    if found and old:
        keys = keys_of(_columns(session, old, list(key)), key)
        before = dict(zip(keys, _part_numbers(session, found).to_pylist(), strict=True))
    parts, strata = strata_parts(spec, _columns(session, version, names), key, before)
    return none_empty(parts), strata


def get_split(scope: Scope, ref: Ref | str) -> Split:
    """Return a split: of a dataset version's number, or the newest.

    Raises:
        NotFound: there is none.
    """
    ref = split_ref(ref)
    scope.require(Permission.DATASET_READ, ref)
    number = None
    if ref.version is not None:
        if not ref.version.isdecimal():
            raise Invalid(f"{ref} names no number", hint=f"split:{ref.name}@<dataset version>")
        number = int(ref.version[:9])
    found = store.find_split(scope.tx, scope.project, ref.name, number)
    if found is None:
        raise NotFound(
            f"{ref} does not exist", hint=f"bucle data split <dataset> --name {ref.name}"
        )
    return found


def show_split(scope: Scope, ref: Ref | str) -> SplitReport:
    """Return a split with the looks at its confirming part, the newest first."""
    found = get_split(scope, ref)
    looks = store.list_looks(scope.tx, scope.project, found.ref, limit=_LOOKS)
    return SplitReport(split=found, count=looks[0].number if looks else 0, looks=looks)


def read_part(session: Session, ref: Ref | str, part: str) -> pa.Table:
    """Read the rows that fit or that select.

    Raises:
        Refused: the part is the confirming one.
        NotFound: there is no such split.
    """
    _check_part(ref, part)
    with session.begin(write=False) as scope:
        found = get_split(scope, ref)
        version = _version(scope, found)
    return _rows(session, found, version, part)


def look(
    session: Session, ref: Ref | str, *, purpose: str, about: Ref | None = None
) -> tuple[Look, pa.Table]:
    """Read the confirming part, and have the look counted.

    Args:
        session: who looks.
        ref: the split.
        purpose: what for.
        about: what is measured on it, if something is.

    Raises:
        Refused: something is being tuned here.
        Invalid: nobody says what for.
    """
    if not purpose.strip():
        raise Invalid("a look at a confirming part has a purpose", hint="--purpose '...'")
    require_unsealed(split_ref(ref))
    with session.begin() as scope:
        found = get_split(scope, ref)
        version = _version(scope, found)
        seen = Look(
            split=found.ref,
            number=store.next_look(scope.tx, scope.project, found.ref),
            at=scope.now,
            actor=scope.actor.name,
            purpose=purpose,
            about=about,
        )
        store.add_look(scope.tx, scope.project, seen)
        scope.record("split.looked", found.ref, number=seen.number, purpose=purpose, about=about)
    return seen, _rows(session, found, version, CONFIRM)


def store_part(session: Session, ref: Ref | str, part: str) -> PartFile:
    """Store the rows that fit or that select as a file, to be fetched by its digest."""
    table = read_part(session, ref, part)
    with session.begin(write=False) as scope:
        found = get_split(scope, ref)
    return _file(session, found, part, table)


def store_look(session: Session, ref: Ref | str, *, purpose: str) -> PartFile:
    """Look at the confirming part by hand, and store its rows as a file.

    Raises:
        Denied: the caller may read data and not write them: a look uses the part up.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, split_ref(ref))
    _, table = look(session, ref, purpose=purpose)
    with session.begin(write=False) as scope:
        found = get_split(scope, ref)
    return _file(session, found, CONFIRM, table)


def read_inputs(session: Session, ref: Ref | str, columns: list[str], *, most: int) -> pa.Table:
    """Read some columns of the confirming part, without the truth: its first `most` rows.

    For comparing two forms of one model.  It is no look: without the truth nobody learns how
    good a model is there.
    """
    with session.begin(write=False) as scope:
        found = get_split(scope, ref)
        version = _version(scope, found)
    mask = pc.equal(_part_numbers(session, found), pa.scalar(PARTS.index(CONFIRM), pa.uint8()))
    return _columns(session, version, columns).filter(mask).slice(0, most)


def parted(session: Session, ref: Ref | str) -> tuple[Split, tuple[str, ...], pa.Table]:
    """Return a split, the key of its dataset and all rows with the number of their part.

    For judging the split itself: it is no look, and its caller shows no row.
    """
    with session.begin(write=False) as scope:
        found = get_split(scope, ref)
        version = _version(scope, found)
        declared = store.find_spec(scope.tx, scope.project, version.ref.name)
    rows = _columns(session, version, list(version.column_names))
    rows = rows.append_column(PART, _part_numbers(session, found))
    return found, declared.key if declared else (), rows


def split_ref(ref: Ref | str) -> Ref:
    """Read a split's ref; the kind may be left out of text.

    Raises:
        Invalid: it names something else.
    """
    return Ref.parse(str(ref), kind="split")


def _kept(scope: Scope, made: Split) -> Split:
    """Write a split, unless it is there; refuse another of its name."""
    name = made.ref.name
    other = store.find_split(scope.tx, scope.project, name, None)
    if other and other.dataset.bare != made.dataset.bare:
        raise Conflict(
            f"{other.ref.bare} is a split of {other.dataset.bare}", hint="give another name"
        )
    there = store.find_split(scope.tx, scope.project, name, int(made.ref.version or 0))
    if there:
        if (there.spec, there.digest) != (made.spec, made.digest):
            raise Conflict(
                f"{there.ref} was made otherwise, and a split is never changed",
                hint="give another name",
            )
        return there
    store.add_split(scope.tx, scope.project, made)
    scope.link(made.dataset, made.ref, "split")
    scope.record("dataset.split", made.dataset, split=made.ref, digest=made.digest, rows=made.rows)
    return made


def _check_part(ref: Ref | str, part: str) -> None:
    if part == CONFIRM:
        raise Refused(
            f"the confirming part of {split_ref(ref)} is read by the gates only, and by whoever "
            "says what for",
            hint=f"log the model with split={str(split_ref(ref))!r}",
        )
    if part not in PARTS:
        raise Invalid(f"{part!r} is no part of a split", hint=" or ".join(PARTS[:2]))


def _version(scope: Scope, found: Split) -> DatasetVersion:
    """Return the version of a split, under a seal too: only a part of it is read."""
    return find_bare(scope, found.dataset)


def _rows(session: Session, found: Split, version: DatasetVersion, part: str) -> pa.Table:
    parts = _part_numbers(session, found)
    mask = pc.equal(parts, pa.scalar(PARTS.index(part), pa.uint8()))
    return _columns(session, version, list(version.column_names)).filter(mask)


def _part_numbers(session: Session, found: Split) -> pa.ChunkedArray:
    """Return the number of each row's part, in the order of the rows."""
    content = read_content(session.drivers.blobs, found.digest)
    return pq.read_table(io.BytesIO(content)).column(_COLUMN)


def _columns(session: Session, version: DatasetVersion, names: list[str]) -> pa.Table:
    """Return columns of all rows, in the order in which they were committed."""
    wanted = [name for name in names if name] or list(version.column_names[:1])
    chosen = ", ".join(quoted(name) for name in wanted)
    files = file_paths(session.drivers, version.files)
    return session.drivers.engine.query(f"SELECT {chosen} FROM dataset", tables={"dataset": files})


def _parquet(table: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), target, compression="zstd")
    return target.getvalue()


def _file(session: Session, found: Split, part: str, table: pa.Table) -> PartFile:
    digest = store_bytes(session.drivers.blobs, _parquet(table))
    return PartFile(
        split=found.ref, dataset=found.dataset, part=part, digest=digest, rows=table.num_rows
    )
