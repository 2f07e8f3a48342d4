"""Read pipeline runs, and what they returned."""

from pathlib import Path

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.pipelines import store
from bucle.lifecycle.pipelines.load import enter_folder
from bucle.lifecycle.pipelines.records import PipelineQuery, PipelineRun
from bucle.lifecycle.pipelines.values import ValueStore


def get_pipeline_run(scope: Scope, ref: Ref) -> PipelineRun:
    """Return a pipeline run with its steps.

    Raises:
        NotFound: there is none of that id.
    """
    scope.require(Permission.PIPELINE_READ, ref)
    found = store.find_run(scope.tx, scope.project, ref.name)
    if found is None:
        raise NotFound(f"{ref} is not a pipeline run", hint="bucle pipelines list")
    return found


def list_pipeline_runs(
    scope: Scope,
    query: PipelineQuery = PipelineQuery(),  # noqa: B008 - it is frozen
) -> Page[PipelineRun]:
    """List pipeline runs, newest first."""
    scope.require(Permission.PIPELINE_READ)
    return store.list_runs(scope.tx, scope.project, query)


def load_output(session: Session, run: PipelineRun, name: str = "value") -> object:
    """Return what a pipeline returned, or the part of it that bears the name.

    Raises:
        NotFound: it returned nothing of that name, or the content was collected.
        Refused: the content was tampered with.
    """
    if name not in run.outputs:
        names = ", ".join(run.outputs) or "nothing"
        raise NotFound(f"{run.ref} returned no {name!r}", hint=f"it returned {names}")
    folder = Path(run.folder)
    enter_folder(folder)  # a pickled value is of the project's classes
    values = ValueStore(session.drivers.blobs, session.drivers.cache_path, folder)
    return values.load_part(run.outputs[name])
