"""Read what runs read and made; who asks has looked for the runs already."""

from collections.abc import Sequence

from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.inputs import store
from bucle.lifecycle.tracking.inputs.records import RunInputs


def inputs_of_runs(scope: Scope, runs: Sequence[str]) -> dict[str, RunInputs]:
    """Return what some runs read and made, by run; nothing for runs of which nothing is known."""
    return store.inputs_of(scope.tx, scope.project, runs)
