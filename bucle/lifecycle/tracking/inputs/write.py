"""Note which datasets and models a run read and made, as MLflow's clients tell it."""

from collections.abc import Sequence

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.batch import state_of
from bucle.lifecycle.tracking.experiments import number_of
from bucle.lifecycle.tracking.inputs import store
from bucle.lifecycle.tracking.inputs.records import DatasetSummary, DatasetUse, ModelUse
from bucle.lifecycle.tracking.names import checked_text

_LIMITS = {
    "name": 500,
    "digest": 36,
    "source_type": 36,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}
_TAG_NAME_LETTERS = 255
_TAG_LETTERS = 500


def log_inputs(
    scope: Scope, ref: Ref, datasets: Sequence[DatasetUse], models: Sequence[ModelUse] = ()
) -> None:
    """Note what a run read; the first word on a dataset of a run counts.

    Raises:
        Conflict: the run is deleted.
        Invalid: a text that is too long.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    for use in datasets:
        _check(use)
    state = state_of(scope, ref)
    new = store.add_datasets(scope.tx, scope.project, state.experiment, ref.name, datasets)
    read = store.add_models(scope.tx, scope.project, ref.name, "in", models, scope.now)
    if new or read:
        scope.record(
            "run.inputs_logged", ref,
            datasets=[{"name": use.dataset.name, "digest": use.dataset.digest} for use in new],
            models=[use.model for use in read],
        )  # fmt: skip


def log_outputs(scope: Scope, ref: Ref, models: Sequence[ModelUse]) -> None:
    """Note which models a run made.

    Raises:
        Conflict: the run is deleted.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    state_of(scope, ref)
    made = store.add_models(scope.tx, scope.project, ref.name, "out", models, scope.now)
    if made:
        scope.record("run.outputs_logged", ref, models=[use.model for use in made])


def search_datasets(scope: Scope, experiments: Sequence[str]) -> tuple[DatasetSummary, ...]:
    """List the datasets that the runs of some experiments read, at most a thousand.

    Raises:
        Invalid: an id is not a whole number.
    """
    scope.require(Permission.RUN_READ)
    numbers = [number_of(id_) for id_ in experiments]
    return store.list_summaries(scope.tx, scope.project, numbers)


def _check(use: DatasetUse) -> None:
    for field in ("name", "digest"):
        if not getattr(use.dataset, field):
            raise Invalid(f"the {field} of a dataset is empty")
    for field, limit in _LIMITS.items():
        checked_text(field, getattr(use.dataset, field) or "", limit)
    for name, value in use.tags.items():
        checked_text("key", name, _TAG_NAME_LETTERS)
        checked_text("value", value, _TAG_LETTERS)
