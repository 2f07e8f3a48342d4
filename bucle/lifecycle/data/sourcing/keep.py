"""Keep what is declared of a source, and forget it with what was kept of its pulls."""

from bucle.base.errors import Refused
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.records import DatasetSpec
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sourcing import store
from bucle.lifecycle.data.sourcing.check import check_source, rule_of


def keep_source(scope: Scope, before: SourceSpec | None, spec: DatasetSpec) -> None:
    """Keep the source of a dataset that is being declared.

    Raises:
        Invalid: an address, a query or an option of no sense, or a secret that is written out.
        Denied: the actor may not apply declarations: a source is read with whatever the server
            may reach, its files and its network too, as the code of a project is run.
        Refused: rows were drawn by another watermark.
    """
    ref = Ref("dataset", spec.name)
    scope.require(Permission.DATASET_WRITE, ref)
    source = spec.source
    if source is None:
        if before is not None:
            store.forget(scope.tx, scope.project, spec.name)
        return
    check_source(source, spec.key)
    if source == before:
        return
    scope.require(Permission.CONTROL_APPLY, ref)
    found = store.find(scope.tx, scope.project, spec.name)
    if found and found[0].position.watermark and found[0].column != source.watermark:
        raise Refused(
            f"{ref} was drawn by the watermark {found[0].column!r} up to "
            f"{found[0].position.watermark[1]}, which says nothing of {source.watermark!r}",
            hint=f"to begin anew, first forget it: bucle data unsource {spec.name}",
        )
    store.declare(scope.tx, scope.project, spec.name, rule_of(source))
