"""Hold pipelines that make models until somebody has decided that the data are fit for it.

A pipeline makes models if a declared model names it; where a model names none, any may.  For such
a pipeline a `no-go` on the head of any declared dataset is an end, whoever declared what;
datasets with `require_decision`, or all of them for a model with it, need a `go` as well.  To
override is to decide again: with a reason, a name and a signature.
"""

from bucle.base.errors import Refused
from bucle.base.verdict import Verdict
from bucle.control.spec.records import ProjectSpec
from bucle.governance.scope import Scope
from bucle.lifecycle import data


def check_decisions(scope: Scope, spec: ProjectSpec, pipeline: str) -> None:
    """Go on only if nothing that was decided on the data speaks against it.

    Raises:
        Refused: a dataset is a no-go, or needs a go and has none; carries the verdicts.
    """
    models = [model for model in spec.models.values() if model.pipeline in {"", pipeline}]
    if not models:
        return
    all_of_them = any(model.require_decision is True for model in models)
    verdicts = []
    for name, declared in spec.datasets.items():
        if data.find_head(scope, name) is None:
            continue
        ready = data.decision_of(scope, name)
        needed = all_of_them or declared.require_decision is True
        ok = ready.ok if needed else ready.outcome != "no-go"
        verdicts.append(Verdict(name=f"decision:{name}", ok=ok, note=ready.why))
    if failed := [verdict for verdict in verdicts if not verdict.ok]:
        refused = failed[0].name.partition(":")[2]
        raise Refused(
            f"the pipeline {pipeline!r} may not train: {'; '.join(one.note for one in failed)}",
            because=verdicts,
            hint=f"bucle data explore {refused}, then: bucle data decide {refused} "
            "--decision go --reason '...'",
        )
