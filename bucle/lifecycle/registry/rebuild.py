"""Rebuild a version: run its pipeline again from what was recorded, and compare.

The code, the data, the parameters and the packages of then meet in a folder of their own, in
a process of their own, with no step's value taken from a cache; what it registers is compared
with the version and thrown away.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np

from bucle.base.codec import decode, encode
from bucle.base.errors import Refused
from bucle.base.refs import Ref
from bucle.base.settings import Settings
from bucle.base.verdict import Verdict, all_ok
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.registry import read, store
from bucle.lifecycle.registry.columns import Array, columns_of
from bucle.lifecycle.registry.environments import BUCLE, clean_environ, clean_environment
from bucle.lifecycle.registry.load import read_manifest
from bucle.lifecycle.registry.origin import Origin, origin_of, project_of
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import ModelVersion, RebuildReport
from bucle.lifecycle.registry.retraining import RetrainAnswer, RetrainRequest
from bucle.lifecycle.registry.rows import read_example, read_table
from bucle.lifecycle.registry.scratch import PROJECT, open_scratch, restore_code
from bucle.lifecycle.tracking import Environment

EnvironmentKind = Literal["clean", "this"]
_TAIL = 2000
_RESTORED = frozenset({"dataset", "feature_view", "model"})


def rebuild(
    session: Session,
    ref: Ref,
    *,
    environment: EnvironmentKind = "clean",
    repository: Path | None = None,
) -> RebuildReport:
    """Train a version again from what was recorded and say whether it is the same.

    Args:
        session: as whom, in which project.
        ref: the version, by number or alias.
        environment: `clean` installs the recorded packages into a virtual environment, which
            is kept; `this` runs with what is installed here and reports the difference.
        repository: where the commit is, if the project's folder is not there any more.

    Raises:
        Refused: the version can not be rebuilt, as what made it was not recorded.
        Unavailable: the recorded Python or packages can not be had here.
    """
    began = time.monotonic()
    with session.begin(write=False) as scope:
        scope.require(Permission.PIPELINE_RUN, ref)
        origin = origin_of(scope, ref)
    with tempfile.TemporaryDirectory(prefix="bucle-rebuild-") as name:
        folder = Path(name)
        restore_code(session, origin, folder / "code", repository)
        house, settings = open_scratch(session, origin, folder)
        try:
            answer = retrain(session, origin, folder, (settings, environment))
            verdicts = [
                _of_data(origin),
                compare_environments(origin.environment, answer.environment),
            ]
            found = find_made(house.session(), origin, answer)
            verdicts += _compare(session, origin, found, answer)
        finally:
            house.close()
    report = RebuildReport(
        ref=origin.version.ref,
        outcome=_outcome(origin.version, found, verdicts),
        verdicts=tuple(verdicts),
        original=origin.version.manifest,
        rebuilt=found.manifest if found else "",
        environment=environment,
        run=origin.run.ref,
        took_s=time.monotonic() - began,
    )
    with session.begin() as scope:
        _tell(scope, report)
    return report


def _tell(scope: Scope, report: RebuildReport) -> None:
    scope.record(
        "model.rebuilt",
        report.ref,
        outcome=report.outcome,
        environment=report.environment,
        rebuilt=report.rebuilt,
        verdicts=report.verdicts,
    )


def retrain(
    session: Session, origin: Origin, folder: Path, how: tuple[Settings, EnvironmentKind]
) -> RetrainAnswer:
    """Run the pipeline in a process of its own, in a folder that has its code."""
    settings, environment = how
    project = project_of(folder / "code", origin.code)
    site = folder / "site"
    shutil.copytree(BUCLE, site / "bucle", ignore=shutil.ignore_patterns("__pycache__"))
    python = Path(sys.executable)
    if environment == "clean":
        home = session.house.settings.home_path
        python = clean_environment(home, origin.environment, (BUCLE, project)).python
    request = RetrainRequest(
        reference=origin.pipeline.reference, params=origin.pipeline.params, folder=str(project)
    )
    (folder / "request.json").write_bytes(encode(request))
    environ = clean_environ(
        BUCLE_HOME=settings.home,
        BUCLE_PROJECT=PROJECT,
        BUCLE_BLOBS_URL=settings.blobs_url,
        BUCLE_ENGINE_URL=settings.engine_url,
        BUCLE_COMPUTE_URL=settings.compute_url,
        BUCLE_CLOCK_URL=settings.clock_url,
        BUCLE_VERIFY="off",  # it is compared with the original, here
        PYTHONPATH=str(site),
        PYTHONDONTWRITEBYTECODE="1",
    )
    done = subprocess.run(  # noqa: S603 - our own program, and the project's recorded code
        [str(python), "-m", "bucle.lifecycle.registry.retrain", str(folder)],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = folder / "answer.json"
    if not answer.exists():
        raise Refused(
            f"the pipeline of {origin.version.ref} could not be started again: "
            f"{done.stderr.strip()[-_TAIL:]}",
            hint="does the project need files that are not in its folder?",
        )
    return decode(answer.read_bytes(), RetrainAnswer)


def find_made(scratch: Session, origin: Origin, answer: RetrainAnswer) -> ModelVersion | None:
    """Return the version that the new run registered in the place of the original."""
    name = origin.version.ref.name
    with scratch.begin(write=False) as scope:
        every = store.list_versions(scope.tx, scope.project, name, before=None, limit=_TAIL)
    made = sorted((each for each in every if each.run in answer.runs), key=lambda v: v.number)
    return made[origin.place] if origin.place < len(made) else None


def _of_data(origin: Origin) -> Verdict:
    """Say which data the pipeline found; they are the same by their digests."""
    restored = [str(ref) for ref in origin.inputs if ref.kind in _RESTORED]
    others = [str(ref) for ref in origin.inputs if ref.kind not in _RESTORED]
    note = ", ".join(restored) or "the pipeline read no dataset"
    if others:
        note += f"; not restored: {', '.join(others)}"
    return Verdict(name="data", ok=not others, note=note)


def compare_environments(recorded: Environment, used: Environment) -> Verdict:
    """Name the packages that a rebuild had in other versions than were recorded."""
    then, now = dict(recorded.packages), dict(used.packages)
    changed = sorted(name for name in now if name in then and then[name] != now[name])
    told = [f"{name} {now[name]} and not {then[name]}" for name in changed if name != "pip"]
    if recorded.python != used.python:
        told.insert(0, f"Python {used.python} and not {recorded.python}")
    shared = sum(name in then for name in now)
    note = f"{shared} packages as recorded, Python {used.python}"
    return Verdict(
        name="environment", ok=not told, value=float(len(told)), note="; ".join(told) or note
    )


def _compare(
    session: Session, origin: Origin, found: ModelVersion | None, answer: RetrainAnswer
) -> list[Verdict]:
    if found is None:
        why = answer.error or f"it registered no version of {origin.version.ref.name!r}"
        return [Verdict(name="pipeline", ok=False, note=why)]
    if found.manifest == origin.version.manifest:
        same = _of_metrics(origin.version, found)
        return [Verdict(name="package", ok=True, note=f"identical: {found.manifest}"), *same]
    predictions = _of_predictions(session, origin.version, found)
    return [
        _of_package(session, origin.version, found, same=all_ok(predictions)),
        *_of_metrics(origin.version, found),
        *predictions,
    ]


def _of_package(
    session: Session, version: ModelVersion, found: ModelVersion, *, same: bool
) -> Verdict:
    """Name the files that differ; other bytes with equal predictions are no difference."""
    blobs = session.drivers.blobs
    original, rebuilt = (read_manifest(blobs, each.manifest).files for each in (version, found))
    names = sorted({*original, *rebuilt})
    differing = [name for name in names if original.get(name) != rebuilt.get(name)]
    note = f"other bytes in {', '.join(differing) or 'the manifest'}"
    return Verdict(name="package", ok=same, value=float(len(differing)), note=note)


def _of_metrics(version: ModelVersion, found: ModelVersion) -> list[Verdict]:
    verdicts = []
    for name, was in sorted(version.metrics.items()):
        now = found.metrics.get(name)
        note = "was not measured again" if now is None else f"{now!r}, was {was!r}"
        verdicts.append(
            Verdict(name=f"metric {name}", ok=now == was, value=now, limit=was, note=note)
        )
    return verdicts


def _of_predictions(session: Session, version: ModelVersion, found: ModelVersion) -> list[Verdict]:
    """Compare both models on the evaluation rows; on the input example where there are none."""
    first, second = (read.open_version(session, each) for each in (version, found))
    try:
        if version.evaluation is None:
            columns = read_example(session, first)
        else:
            table = read_table(session, version.evaluation)
            columns = columns_of(table, first.signature.inputs)
        return _unequal(first, second, columns)
    finally:
        first.close()
        second.close()


def _unequal(first: Predictor, second: Predictor, columns: dict[str, Array]) -> list[Verdict]:
    was, now = first.predict(columns), second.predict(columns)
    verdicts = []
    for name, expected in was.items():
        found = now.get(name)
        if found is None or found.shape != expected.shape:
            note = "the rebuilt model gives no such output of that shape"
            verdicts.append(Verdict(name=name, ok=False, note=note))
            continue
        differing = int(np.count_nonzero(found != expected))
        gap = None
        if expected.dtype.kind == "f" and expected.size:
            gap = float(np.max(np.abs(found - expected)))
        note = f"{differing} of {expected.size} values differ"
        note += f", by up to {gap:g}" if gap else ""
        verdicts.append(Verdict(name=name, ok=not differing, value=gap, limit=0.0, note=note))
    return verdicts


def _outcome(
    version: ModelVersion, found: ModelVersion | None, verdicts: list[Verdict]
) -> Literal["identical", "equal", "different", "failed"]:
    if found is None:
        return "failed"
    if found.manifest == version.manifest:
        return "identical"
    compared = [verdict for verdict in verdicts if verdict.name not in {"data", "environment"}]
    return "equal" if all_ok(compared) else "different"
