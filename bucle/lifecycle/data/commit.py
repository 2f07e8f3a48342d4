"""Commit files or a table as the next version of a dataset.

Everything slow (reading, writing Parquet, checking) happens outside of any transaction; then
one short write moves the head, if it still is where it was seen.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.codec import canonical_json
from bucle.base.digest import digest_bytes
from bucle.base.errors import Conflict, Invalid, Refused
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import content_path, store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.against import gather
from bucle.lifecycle.data.catalog.merged import keep_found
from bucle.lifecycle.data.check import check_table
from bucle.lifecycle.data.columns import columns_of, joined, known_schema, schema_for
from bucle.lifecycle.data.conform import (
    conformed,
    known_types,
)
from bucle.lifecycle.data.contracts.judge import judge_delivery, told_to_producer
from bucle.lifecycle.data.delimited import Reading
from bucle.lifecycle.data.judge import judge_added, judged_by
from bucle.lifecycle.data.kinds import TABLE, nothing_expected, require_table
from bucle.lifecycle.data.known import Brought, known_of
from bucle.lifecycle.data.packs.add import hold
from bucle.lifecycle.data.parquet import looked_at
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.quarantine.keep import keep
from bucle.lifecycle.data.quarantine.records import Sifted
from bucle.lifecycle.data.quarantine.sift import sift
from bucle.lifecycle.data.read import (
    HEAD,
    file_paths,
    find_head,
    get_version,
    no_branch,
    rows_of,
)
from bucle.lifecycle.data.records import (
    CheckReport,
    Commit,
    DataFile,
    DatasetSpec,
    DatasetVersion,
    Manifest,
)
from bucle.lifecycle.data.sources import Source, open_source, table_source

_MODES = ("replace", "append")

Opener = Callable[[pa.Schema | None], list[Source]]
# What else is written in the transaction that moves the head, or that finds nothing to change.
Also = Callable[[Scope, DatasetVersion], None]


def commit(session: Session, wish: Commit) -> DatasetVersion:
    """Commit files that are in the content store; identical rows give the head back.

    Appending shares the head's files; a file that the head has already adds nothing, so that
    repeating an append is safe.

    Raises:
        Invalid: a file is empty, not of its format, or does not fit the dataset's columns.
        Refused: an expectation or the key does not hold; carries the verdicts.
        Conflict: somebody else committed first, or the head is not `if_head`.
    """
    return _commit(session, wish, partial(open_files, session, wish))


def commit_table(
    session: Session,
    name: str,
    table: pa.Table,
    *,
    mode: str = "replace",
    message: str = "",
    if_head: str | None = None,
) -> DatasetVersion:
    """Commit a table in memory; see `commit`."""
    wish = Commit(name=name, files=(), mode=mode, message=message, if_head=if_head)
    return _commit(session, wish, lambda _: [table_source(table)])


def commit_opened(session: Session, wish: Commit, open_: Opener, also: Also) -> DatasetVersion:
    """Commit what is opened, and let `also` write in the same transaction; see `commit`."""
    return _commit(session, wish, open_, also)


def check_files(session: Session, wish: Commit) -> CheckReport:
    """Judge files as `commit` would, and commit nothing."""
    with session.begin(write=False) as scope:
        spec, head = _seen(scope, wish)
    files, _, brought = _stored(session, wish, head, partial(open_files, session, wish))
    return _judged(session, wish.name, spec, files, brought)


def check_version(session: Session, ref: Ref | str) -> CheckReport:
    """Judge a version that is there by what is declared now."""
    with session.begin(write=False) as scope:
        version = get_version(scope, ref)
        spec = store.find_spec(scope.tx, scope.project, version.ref.name)
    return _judged(session, version.ref.name, spec, version.files)


def _commit(
    session: Session, wish: Commit, open_: Opener, also: Also | None = None
) -> DatasetVersion:  # fmt: skip
    if wish.mode not in _MODES:
        raise Invalid(f"{wish.mode!r} is not a mode of commit", hint="write replace or append")
    spec, head = seen(session, wish)
    require_table(head)
    opened: list[Source] = []
    with told_to_producer(session, wish.name, wish.branch):
        files, schema, brought = _stored(
            session, wish, head, lambda known: _noted(opened, open_(known))
        )
        sifted = sifted_of(session, wish, spec, (head, files, opened, brought))
        proposal = Proposal(
            spec=spec, head=head, files=sifted.files, schema=schema, sifted=sifted, also=also,
            brought=brought,
        )  # fmt: skip
        return settle(session, wish, proposal)


def seen(session: Session, wish: Commit) -> tuple[DatasetSpec | None, DatasetVersion | None]:
    """Return what is declared and the head that a commit builds upon.

    Raises:
        Denied: the caller may not write the dataset.
        Conflict: the head is not `if_head`.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(wish.name)))
        return _seen(scope, wish)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a version to be, and what they were built upon."""

    spec: DatasetSpec | None  # None: nothing was declared
    head: DatasetVersion | None  # None: the dataset is empty
    files: tuple[DataFile, ...]
    schema: pa.Schema
    added_rows: int | None = None  # None: the rows of the files that the head has not
    merged: Ref | None = None  # None: it is no merge
    sifted: Sifted | None = None  # None: nothing may be set apart
    brought: Brought | None = None  # None: nobody looked at the rows when they were written
    format: str = TABLE  # of the manifest
    size_bytes: int | None = None  # None: of the files of the manifest
    packs: tuple[str, ...] = ()  # that its files lie in, as far as the head does not have them
    also: Also | None = None  # None: nothing else is written


def settle(session: Session, wish: Commit, proposal: Proposal) -> DatasetVersion:
    """Judge files that are stored, and make them the head; the same files give the head back.

    Raises:
        Refused: an expectation or the key does not hold; carries the verdicts.
        Conflict: somebody else committed first.
    """
    head, files = proposal.head, proposal.files
    columns = columns_of(proposal.schema, files)
    manifest = Manifest(format=proposal.format, columns=columns, files=files)
    sifted = proposal.sifted or Sifted(files=files)
    if head and digest_bytes(canonical_json(manifest)) == head.digest:
        return unchanged(session, wish, head, sifted, proposal.also)
    expected = proposal.spec or DatasetSpec(name=wish.name)
    report = nothing_expected(proposal.format, expected, sum(file.rows for file in files))
    report = report or _judged_added(session, expected, head, proposal)
    report = report or _judged(session, wish.name, proposal.spec, files, proposal.brought)
    if not report.ok:
        _refuse(session, wish, report)
    made = _Made(
        digest=store_bytes(session.drivers.blobs, canonical_json(manifest)),
        manifest=manifest,
        report=report,
        judged=judged_by(expected),
        added_rows=proposal.added_rows,
        merged=proposal.merged,
        quarantined=sifted.rows + sifted.lines,
        size_bytes=proposal.size_bytes,
    )
    with session.begin() as scope:
        if proposal.packs:
            hold(scope, Ref("dataset", wish.name), proposal.packs)
        version, added = _written(scope, wish, head, made)
        keep(scope, version, sifted)
        if proposal.also:
            proposal.also(scope, version)
    judge_delivery(session, version, rows=added)
    return version


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was prepared outside of the transaction."""

    digest: str
    manifest: Manifest
    report: CheckReport
    judged: str
    added_rows: int | None  # None: as of the proposal
    merged: Ref | None  # None: as of the proposal
    quarantined: int
    size_bytes: int | None  # None: as of the proposal


def _noted(opened: list[Source], sources: list[Source]) -> list[Source]:
    """Remember what was opened: only then is known which lines are no rows."""
    opened.extend(sources)
    return sources


def sifted_of(
    session: Session,
    wish: Commit,
    spec: DatasetSpec | None,
    seen: tuple[DatasetVersion | None, tuple[DataFile, ...], list[Source], Brought | None],
) -> Sifted:
    """Set apart the rows that are to be, before anything is made of the others."""
    head, files, opened, brought = seen
    spec = spec or DatasetSpec(name=wish.name)
    there = head.files if head and wish.mode == "append" else ()
    fresh = [file for file in files if file not in there]
    against = gather(session, spec, known_of(brought, fresh))
    try:
        return sift(session.drivers, spec, files, there=there, sources=opened, against=against)
    except Refused as refused:
        failed = [verdict for verdict in refused.because if not verdict.ok]
        rows = sum(file.rows for file in files)
        with session.begin() as scope:
            ref = Ref("dataset", wish.name)
            scope.record("dataset.refused", ref, verdicts=failed, rows=rows, mode=wish.mode)
        raise


def unchanged(
    session: Session, wish: Commit, head: DatasetVersion, sifted: Sifted, also: Also | None
) -> DatasetVersion:
    """Give the head back; what was set apart is recorded although no version was made."""
    if sifted.digest or also:
        with session.begin() as scope:
            scope.require(Permission.DATASET_WRITE, head.ref)
            # To take the head's row keeps others from taking the same number.
            at = head.number
            same = store.move_head(
                scope.tx, scope.project, wish.name, seen=at, to=at, branch=wish.branch
            )
            keep(scope, head, sifted)
            if also and not same:
                _lost(scope, wish, at)
            if also:
                also(scope, head)
    judge_delivery(session, head, rows=0)
    return head


def _seen(scope: Scope, wish: Commit) -> tuple[DatasetSpec | None, DatasetVersion | None]:
    """Return what is declared and the head that the commit builds upon."""
    head = find_head(scope, wish.name, wish.branch)
    if head is None and wish.branch != HEAD:
        raise no_branch(wish.name, wish.branch)
    if wish.if_head is not None and not _is_head(head, wish.if_head):
        now = f"at {head.ref} ({head.digest[:12]})" if head else "empty"
        raise Conflict(
            f"dataset:{wish.name} is {now}, not at {wish.if_head!r}",
            hint=f"read dataset:{wish.name} again and repeat the commit upon it",
        )
    return store.find_spec(scope.tx, scope.project, wish.name), head


def _is_head(head: DatasetVersion | None, wanted: str) -> bool:
    if head is None:
        return wanted in {"", "0"}
    return wanted == str(head.number) or (bool(wanted) and head.digest.startswith(wanted))


def open_files(session: Session, wish: Commit, known: pa.Schema | None) -> list[Source]:
    """Open the files of a wish; columns that are known are read in their types.

    Raises:
        Invalid: there is none, or one is not of its format.
    """
    if not wish.files:
        raise Invalid(f"no files to commit to dataset:{wish.name}", hint="name at least one file")
    opened = []
    reading = Reading(
        quote=wish.quote, columns=wish.columns, set_apart=wish.lines == "quarantine",
        sheet=wish.sheet, header_row=wish.header_row,
    )  # fmt: skip
    for place, digest in enumerate(wish.files, start=1):
        path = content_path(session.drivers.blobs, digest, session.drivers.cache_path)
        name = wish.names[place - 1] if len(wish.names) >= place else f"file {place}"
        types = known_types(known)
        opened.append(open_source(path, wish.format, name=name, types=types, reading=reading))
    return opened


def _stored(
    session: Session, wish: Commit, head: DatasetVersion | None, open_: Opener
) -> tuple[tuple[DataFile, ...], pa.Schema, Brought]:
    """Write the new rows as Parquet; return all files of the version to be, and its schema."""
    known = known_schema(session, head) if head else None
    retype = wish.evolve and wish.mode == "replace"
    sources = open_(None if retype else known)
    schema = schema_for(sources, known, evolve=wish.evolve, retype=retype)
    if wish.pull:  # two pulls of the same rows are two files, or the second would add nothing
        schema = schema.with_metadata({"bucle.pull": wish.pull})
    batches = (batch for source in sources for batch in conformed(source, schema))
    drivers = session.drivers
    folder = drivers.cache_path / "incoming"
    written = list(looked_at(drivers.blobs, batches, schema, folder=folder))
    fresh = tuple(file for file, _ in written)
    brought = Brought(schema=schema, seen={file.digest: seen for file, seen in written})
    if not fresh:
        raise Invalid(
            f"{' and '.join(source.name for source in sources)}: there are no rows",
            hint="a version has at least one row",
        )
    if wish.mode == "replace" or head is None:
        return fresh, schema, brought
    there = {file.digest for file in head.files}
    assert known is not None
    return (
        head.files + tuple(file for file in fresh if file.digest not in there),
        joined(known, schema),
        brought,
    )


def _judged_added(
    session: Session, spec: DatasetSpec, head: DatasetVersion | None, proposal: Proposal
) -> CheckReport | None:
    """Judge what is added to the head; None: nothing is kept of it, or all must be judged."""
    there = {file.digest for file in head.files} if head else set()
    kept = [file for file in proposal.files if file.digest in there]
    if head is None or not kept:
        return None
    added = [file for file in proposal.files if file.digest not in there]
    against = gather(session, spec, known_of(proposal.brought, added))
    return judge_added(session.drivers, spec, head, kept=kept, added=added, against=against)


def _judged(
    session: Session,
    name: str,
    spec: DatasetSpec | None,
    files: Sequence[DataFile],
    brought: Brought | None = None,
) -> CheckReport:
    """Judge all rows of files: of those that were brought, much is known without a scan."""
    known = known_of(brought, files)
    schema = known.schema if known else schema_of(file_paths(session.drivers, files))
    spec = spec or DatasetSpec(name=name)
    return check_table(
        session.drivers.engine,
        partial(rows_of, session.drivers, files),
        spec=spec,
        types={field.name: field.type for field in schema},
        now=session.drivers.clock.now(),
        against=gather(session, spec, known),
    )


def _refuse(session: Session, wish: Commit, report: CheckReport) -> None:
    """Record that the commit was refused (without its rows: an audit is forever), and say why."""
    failed = [one for one in report.verdicts if not one.ok and one.name in report.breaks]
    ref = Ref("dataset", wish.name)
    with session.begin() as scope:
        scope.record("dataset.refused", ref, verdicts=failed, rows=report.rows, mode=wish.mode)
    said = "; ".join(f"{each.name}: {each.note}" if each.note else each.name for each in failed)
    shown = "".join(f"\n  {sample}" for sample in report.samples)
    raise Refused(
        f"the commit to {ref} breaks {len(failed)} of {len(report.verdicts)} expectations: "
        f"{said}{shown}",
        because=report.verdicts,
        hint="correct the rows, or declare other expectations",
    )


def _written(
    scope: Scope, wish: Commit, head: DatasetVersion | None, made: _Made
) -> tuple[DatasetVersion, int]:
    """Move the head, compare-and-swap, and leave what happened; tell how many rows it added."""
    at = head.number if head else 0
    scope.require(Permission.DATASET_WRITE, Ref("dataset", wish.name))
    if not head:
        store.ensure_dataset(scope.tx, scope.project, wish.name)
    number = store.next_number(scope.tx, scope.project, wish.name)
    if not store.move_head(
        scope.tx, scope.project, wish.name, seen=at, to=number, branch=wish.branch
    ):
        _lost(scope, wish, at)
    ref = Ref("dataset", wish.name, number)
    version = DatasetVersion(
        ref=ref,
        number=number,
        digest=made.digest,
        parent=head.ref if head else None,
        message=wish.message,
        rows=sum(file.rows for file in made.manifest.files),
        size_bytes=sum(file.size_bytes for file in made.manifest.files)
        if made.size_bytes is None
        else made.size_bytes,
        columns=made.manifest.columns,
        files=made.manifest.files,
        verdicts=made.report.verdicts,
        judged=made.judged,
        quarantined=made.quarantined,
        kind="table" if made.manifest.format == TABLE else "files",
        branch=wish.branch,
        merged=made.merged,
        committed_at=scope.now,
        committed_by=scope.actor.name,
    )
    store.add_version(scope.tx, scope.project, version)
    if wish.branch == HEAD and (head is None or head.column_names != version.column_names):
        keep_found(scope, wish.name)  # the columns are what the catalogue shows of a commit
    before = {file.digest for file in head.files} if head else set()
    added = made.added_rows
    if added is None:
        added = sum(file.rows for file in version.files if file.digest not in before)
    told: dict[str, Any] = {
        "rows": version.rows, "added_rows": added, "digest": version.digest, "mode": wish.mode,
        "message": wish.message,
    }  # fmt: skip
    if wish.branch == HEAD:
        scope.record("dataset.committed", ref, **told)
    else:  # another fact: nothing is trained on a branch because somebody works on it
        scope.record("dataset.branch_committed", ref, branch=wish.branch, **told)
    if head:
        scope.link(head.ref, ref, "parent", files_shared=len(before & _digests(version)))
    if made.merged:
        scope.link(made.merged, ref, "merged")
    for each in wish.inputs:
        scope.link(each, ref, "queried", sql=wish.made_by)
    return version, added


def _digests(version: DatasetVersion) -> set[str]:
    return {file.digest for file in version.files}


def _lost(scope: Scope, wish: Commit, seen: int) -> None:
    """Tell the loser of a race who won."""
    ref = Ref("dataset", wish.name)
    winner = find_head(scope, wish.name, wish.branch)
    by = f" by {winner.committed_by}" if winner else ""
    raise Conflict(
        f"{ref} was committed meanwhile{by}: it is at {winner.ref if winner else ref}, and this "
        f"commit was built upon {ref.at(seen) if seen else 'an empty dataset'}",
        hint="nothing was written; repeat the commit upon the new head",
    )
