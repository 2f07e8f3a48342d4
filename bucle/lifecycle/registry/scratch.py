"""A house of its own for a rebuild: the code, the data and the clock of then, nothing public.

It shares the content store, where content is under its digest and nothing can be overwritten,
and the key, so that models of then can be opened.  Its database, and all that the pipeline
records, are thrown away with its folder.
"""

import io
import zipfile
from datetime import datetime
from pathlib import Path

import msgspec

from bucle.base.clock import SharedClock
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.settings import Settings, load_settings
from bucle.drivers import git
from bucle.drivers.blobs.content import read_content
from bucle.governance.scope import Scope
from bucle.governance.session import House, Session
from bucle.lifecycle.charter import find_charter, set_charter
from bucle.lifecycle.data import restore_datasets
from bucle.lifecycle.features import restore_views
from bucle.lifecycle.registry import store
from bucle.lifecycle.registry.origin import Origin

PROJECT = "rebuild"
_MOST = 10_000


def restore_code(session: Session, origin: Origin, into: Path, repository: Path | None) -> None:
    """Put the code of then into a folder: the commit and what differed from it, or the archive.

    Raises:
        Refused: not all of it was recorded.
        NotFound: no repository here has the commit.
    """
    code, blobs = origin.code, session.drivers.blobs
    if code.archive:
        with zipfile.ZipFile(io.BytesIO(read_content(blobs, code.archive))) as archive:
            archive.extractall(into)
        return
    _check_out(origin, into, repository)
    if code.diff:
        try:
            git.apply_patch(into, read_content(blobs, code.diff).decode())
        except Invalid as error:
            raise Refused(
                f"{origin.version.ref} can not be rebuilt: {error.message}",
                hint="commit before you train: then all of the code is recorded",
            ) from error


def open_scratch(session: Session, origin: Origin, folder: Path) -> tuple[House, Settings]:
    """Open a house that holds what was there when the pipeline run began."""
    began = origin.run.started_at
    SharedClock.create(folder / "clock", began)
    home = folder / "home"
    home.mkdir(parents=True)
    keys = session.house.settings.home_path / "keys"
    if keys.is_dir():
        (home / "keys").symlink_to(keys)
    asked = session.house.settings
    settings = msgspec.structs.replace(
        load_settings({"BUCLE_HOME": str(home)}),
        project=PROJECT,
        blobs_url=asked.blobs_url,
        engine_url=asked.engine_url,
        compute_url=asked.compute_url,
        clock_url=f"shared:{folder / 'clock'}",
    )
    house = House(settings)
    scratch = house.session()
    with session.begin(write=False) as source, scratch.begin() as target:
        restore_datasets(source, target, until=began, also=origin.inputs)
        restore_views(source, target, until=began, also=origin.inputs)
        restore_models(source, target, until=began)
        _restore_charter(source, target)
    return house, settings


def restore_models(source: Scope, target: Scope, *, until: datetime) -> None:
    """Copy the versions registered up to a moment, and the aliases as they were then."""
    for model in store.list_models(source.tx, source.project, after="", limit=_MOST):
        name = model.ref.name
        every = store.list_versions(source.tx, source.project, name, before=None, limit=_MOST)
        known = [version for version in reversed(every) if version.registered_at <= until]
        store.ensure_model(target.tx, target.project, name, target.now)
        if model.gates:
            store.set_gates(target.tx, target.project, name, model.gates)
        for version in known:
            store.next_version(target.tx, target.project, name)
            store.add_version(target.tx, target.project, version)
        for alias in model.aliases:
            moved = store.last_move(source.tx, source.project, name, alias, until=until)
            if moved and moved.action != "withdrawn":
                store.set_alias(target.tx, target.project, name, alias, moved.version)


def _restore_charter(source: Scope, target: Scope) -> None:
    charter = find_charter(source)
    if charter:
        set_charter(
            target,
            problem=charter.problem,
            kpi=charter.kpi,
            costs=charter.costs,
            stop_rule=charter.stop_rule,
            sponsor=charter.sponsor,
        )


def _check_out(origin: Origin, into: Path, repository: Path | None) -> None:
    """Check the commit out of the first repository on this machine that has it."""
    commit = str(origin.code.commit)
    for place in (repository, Path(origin.pipeline.folder)):
        root = git.find_root(place) if place and place.exists() else None
        if root is None:
            continue
        try:
            git.checkout(root, commit, into)
        except NotFound:
            continue
        return
    where = f" (it came from {origin.code.remote})" if origin.code.remote else ""
    raise NotFound(
        f"no repository here has the commit {commit}{where}",
        hint="clone it, and say where with --repository",
    )
