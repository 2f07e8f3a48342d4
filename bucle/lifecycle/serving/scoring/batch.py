"""Score a version of a dataset: the predictions are a version of another one.

Everything slow happens in a folder of the cache, part by part; then one commit makes the version,
and writes in the same transaction what it came from and how far scoring came.  Killed at any
moment and asked again, it goes on with the parts that are missing.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from bucle.base.codec import canonical_json, convert
from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, NotInstalled, Refused
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, registry
from bucle.lifecycle.data.commit import commit_opened
from bucle.lifecycle.data.kinds import require_table
from bucle.lifecycle.data.read import file_paths
from bucle.lifecycle.data.sources import Source
from bucle.lifecycle.serving.resolve import REFUSED
from bucle.lifecycle.serving.scoring import store
from bucle.lifecycle.serving.scoring.answers import check_kept
from bucle.lifecycle.serving.scoring.features import Lack, lacking, write_filled
from bucle.lifecycle.serving.scoring.parts import (
    Package,
    Part,
    is_done,
    parts_of,
    rows_in,
    score_part,
    score_parts,
    working_in,
)
from bucle.lifecycle.serving.scoring.records import BatchWish, Scored

_KIND = "batch"


class _Before(msgspec.Struct, frozen=True, kw_only=True):
    """What was scored last into a dataset."""

    source: Ref
    model: Ref
    output: Ref


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be scored, looked up."""

    wish: BatchWish
    model: registry.ModelVersion
    source: data.DatasetVersion
    files: tuple[data.DataFile, ...]  # of the source that are scored
    output: str
    kept: tuple[str, ...]
    lack: Lack | None  # what features fill in; None: nothing
    at: str
    appends: bool


def score_dataset(session: Session, wish: BatchWish) -> Scored:
    """Score the rows of a dataset's version, and commit rows and predictions as a dataset.

    With `only_new`, the rows that came since the last time are scored and appended, where the
    older ones are as they were; else all are scored, and replace what was there.

    Raises:
        NotFound: no such model or dataset.
        Invalid: the rows are not what the model takes.
        Refused: the version's gates said no, or its package was changed.
        Conflict: another process scores the same, or somebody else committed meanwhile.
        NotInstalled: Ray was asked for.
        Unavailable: the disk is full.
    """
    if wish.compute == "ray":
        raise NotInstalled(
            "this release has no compute driver for Ray", hint="use --compute process"
        )
    job = _looked_up(session, wish)
    nothing = Scored(model=job.model.ref, source=job.source.ref)
    if not job.files:
        return nothing
    with working_in(_folder(session, job)) as folder:
        paths, features = _filled(session, job, folder)
        parts = parts_of(paths, folder)
        over = [part for part in parts if is_done(part)]
        _score(session, job, [part for part in parts if part not in over])
        made = msgspec.structs.replace(
            nothing,
            rows=sum(part.rows for part in parts),
            taken_over=sum(part.rows for part in over),
            features=features,
        )
        version = _commit(session, job, parts, made)
        shutil.rmtree(folder, ignore_errors=True)
    return msgspec.structs.replace(made, output=version.ref)


def _looked_up(session: Session, wish: BatchWish) -> _Job:
    with session.begin(write=False) as scope:
        model = registry.get_version(scope, wish.model)
        source = data.get_version(scope, wish.dataset)
        spec = data.find_spec(scope, source.ref.name)
        output = check_name(wish.output or f"{source.ref.name}_scored")
        scope.require(Permission.DATASET_WRITE, Ref("dataset", output))
        files, appends = _new_files(scope, wish, source, output)
    if model.status == REFUSED:
        raise Refused(
            f"{model.ref} was refused by its gates and scores nothing",
            hint=f"bucle registry history {model.ref.name}",
        )
    require_table(source)
    signature = registry.manifest_of(session.drivers, model.manifest).signature
    lack = lacking(session, signature.inputs, source.column_names, model.views)
    there = (*source.column_names, *(lack.columns if lack else ()))
    at = wish.at or (spec.time if spec and spec.time in there else "") or ""
    for name in (*wish.columns, *([at] if at else ())):
        if name not in there:
            raise Invalid(f"{source.ref} has no column {name!r}", hint=f"it has {', '.join(there)}")
    kept = wish.columns or there
    check_kept(kept, signature.outputs, output)
    return _Job(
        wish=wish, model=model, source=source, files=files, output=output, kept=kept,
        lack=lack, at=at, appends=appends,
    )  # fmt: skip


def _new_files(
    scope: Scope, wish: BatchWish, source: data.DatasetVersion, output: str
) -> tuple[tuple[data.DataFile, ...], bool]:
    """Return the files that are to be scored, and whether their rows are appended."""
    found = store.find_state(scope.tx, scope.project, _KIND, output)
    if not wish.only_new or found is None:
        return source.files, False
    before = convert(found, _Before)
    if before.source == source.ref:
        return (), True
    try:
        last = data.get_version(scope, before.source)
        data.get_version(scope, before.output)
    except NotFound:  # retention or a deletion took it
        return source.files, False
    done = {file.digest for file in last.files}
    if before.source.bare != source.ref.bare or not done <= {f.digest for f in source.files}:
        return source.files, False  # rows changed or went: what was said of them does not hold
    return tuple(file for file in source.files if file.digest not in done), True


def _folder(session: Session, job: _Job) -> Path:
    """Return where what is scored by this model lies until it is committed."""
    about = {
        "project": session.project,
        "model": job.model.manifest,
        "files": [file.digest for file in job.files],
        "columns": job.kept,
        "output": job.output,
        "at": job.at,
        "views": job.model.views,
        "ref": job.model.ref,
    }
    name = digest_bytes(canonical_json(about))[:32]
    return session.drivers.cache_path / "scoring" / name


def _filled(session: Session, job: _Job, folder: Path) -> tuple[list[Path], tuple[Ref, ...]]:
    """Return the files to score, with the features that they lack, and what gave those."""
    paths = file_paths(session.drivers, job.files)
    if job.lack is None:
        return paths, ()
    filled = folder / "filled.parquet"
    noted = folder / "filled.refs"
    if not (filled.is_file() and noted.is_file()):
        used = write_filled(session, paths, job.lack, job.at, filled)
        noted.write_text("\n".join(map(str, used)), "utf-8")
    return [filled], tuple(Ref.parse(line) for line in noted.read_text("utf-8").splitlines())


def _score(session: Session, job: _Job, parts: Sequence[Part]) -> None:
    drivers = session.drivers
    package = Package(
        blobs_url=drivers.settings.blobs_url,
        manifest=job.model.manifest,
        signature=job.model.signature,
        public_hex=session.house.keys.public_hex,
        cache=str(drivers.cache_path),
        model=job.model.ref,
        kept=job.kept,
    )
    if not parts:
        return
    if job.wish.compute == "here":
        predictor = registry.open_version(session, job.model)
        try:
            for part in parts:
                score_part(predictor, package, part)
        finally:
            predictor.close()
        return
    workers = min(os.cpu_count() or 1, len(parts))
    shares = [parts[number::workers] for number in range(workers)]
    futures = [drivers.compute.submit(score_parts, package, share) for share in shares]
    for future in futures:
        future.result()


def _commit(
    session: Session, job: _Job, parts: Sequence[Part], made: Scored
) -> data.DatasetVersion:
    """Make the version, and write what it came from and how far scoring came with it."""
    source = Source(
        name=f"{job.model.ref} on {job.source.ref}",
        schema=pq.read_schema(parts[0].target),
        batches=rows_in(parts),
    )
    wish = data.Commit(
        name=job.output,
        files=(),
        mode="append" if job.appends else "replace",
        message=f"{job.model.ref} on {job.source.ref}",
        evolve=not job.appends,
        # The same rows may come twice, in two versions: they are scored and kept twice.
        pull=str(job.source.ref) if job.appends else "",
    )

    def also(scope: Scope, version: data.DatasetVersion) -> None:
        scope.require(Permission.DATASET_WRITE, version.ref)
        for ref in (job.model.ref, job.source.ref, *made.features):
            scope.link(ref, version.ref, "scored")
        state = _Before(source=job.source.ref, model=job.model.ref, output=version.ref)
        store.put_state(scope.tx, scope.project, (_KIND, job.output), state, scope.now)
        scope.record(
            "dataset.scored", version.ref,
            model=job.model.ref, dataset=job.source.ref, rows=made.rows,
        )  # fmt: skip

    return commit_opened(session, wish, lambda _: [source], also)
