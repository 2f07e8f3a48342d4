"""Find all that made a model version: its pipeline run, its code, its environment, its data."""

from pathlib import Path
from typing import NoReturn

import msgspec

from bucle.base.codec import decode
from bucle.base.errors import NotFound, Refused
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import read_content
from bucle.governance.scope import Scope
from bucle.lifecycle.pipelines import PipelineRun, get_pipeline_run
from bucle.lifecycle.registry import read, store
from bucle.lifecycle.registry.records import ModelVersion
from bucle.lifecycle.tracking import CodeState, Environment, Run, RunQuery, find_run, list_runs

_DEPTH = 10
_MOST = 1000


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to make a version again."""

    version: ModelVersion
    pipeline: PipelineRun
    run: Run  # of the pipeline
    code: CodeState
    environment: Environment
    inputs: tuple[Ref, ...]  # what the pipeline and its steps read and did not make themselves
    place: int  # among the versions of this name that the pipeline run registered


def origin_of(scope: Scope, ref: Ref) -> Origin:
    """Return what made a version.

    Raises:
        NotFound: there is no such version.
        Refused: the version can not be made again; the message says what is missing.
    """
    version = read.get_version(scope, ref)
    if version.run is None:
        _refuse(version, "it was registered outside of any run",
                "log it from a step of a pipeline, with bucle.log_model")  # fmt: skip
    top = _top(scope, version)
    pipeline = _pipeline(scope, version, top)
    if top.code is None or not (top.code.commit or top.code.archive):
        _refuse(version, f"{top.ref} recorded no code", "keep the project in a folder or in git")
    if top.environment is None:
        _refuse(version, f"{top.ref} recorded no environment", "run the pipeline with bucle run")
    steps = list_runs(scope, RunQuery(parent=top.ref, limit=_MOST)).items
    family = (top, *steps)
    return Origin(
        version=version,
        pipeline=pipeline,
        run=top,
        code=top.code,
        environment=_environment(scope.drivers.blobs, top.environment),
        inputs=_inputs(family),
        place=_place(scope, version, {run.ref for run in family}),
    )


def _inputs(family: tuple[Run, ...]) -> tuple[Ref, ...]:
    read_ = {each for run in family for each in run.inputs}
    made = {each for run in family for each in run.outputs}
    return tuple(sorted(read_ - made))


def place_of(versions: tuple[ModelVersion, ...], runs: set[Ref], number: int) -> int:
    """Return where a version stands among those that these runs registered."""
    own = sorted(each.number for each in versions if each.run in runs)
    return own.index(number)


def _place(scope: Scope, version: ModelVersion, runs: set[Ref]) -> int:
    every = store.list_versions(
        scope.tx, scope.project, version.ref.name, before=None, limit=version.number + _MOST
    )
    return place_of(every, runs | {version.run} if version.run else runs, version.number)


def _top(scope: Scope, version: ModelVersion) -> Run:
    """Return the outermost run that the version's run is part of."""
    assert version.run is not None
    run = find_run(scope, version.run)
    if run is None:
        _refuse(version, f"{version.run} is not known any more", "restore the database")
    for _ in range(_DEPTH):
        above = find_run(scope, run.parent) if run.parent else None
        if above is None:
            break
        run = above
    return run


def _pipeline(scope: Scope, version: ModelVersion, top: Run) -> PipelineRun:
    try:
        return get_pipeline_run(scope, top.ref)
    except NotFound:
        _refuse(
            version,
            f"{version.run} was started by hand ({top.kind}) and is no step of a pipeline, so "
            "nobody knows how to start it again",
            "put the training into a @pipeline and log the model from one of its steps",
        )


def _environment(blobs: BlobStore, digest: str) -> Environment:
    return decode(read_content(blobs, digest), Environment)


def _refuse(version: ModelVersion, why: str, hint: str) -> NoReturn:
    raise Refused(f"{version.ref} can not be rebuilt: {why}", hint=hint)


def project_of(folder: Path, code: CodeState) -> Path:
    """Return the project's folder in a restored tree."""
    return folder / code.folder
