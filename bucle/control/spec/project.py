"""Load a project's declarations, and hold them against themselves: every name must exist."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.codec import json_schema
from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.control.spec.load import line_of, load_yaml, parse_yaml
from bucle.control.spec.records import NAMED, ProjectSpec
from bucle.control.triggers.decide import next_due
from bucle.control.triggers.memory import START
from bucle.lifecycle.data import check_source
from bucle.lifecycle.features import FeatureView, load_views
from bucle.lifecycle.feedback import FeedbackSpec
from bucle.lifecycle.monitoring import check_spec as check_monitor
from bucle.lifecycle.serving import check_spec as check_deployment
from bucle.lifecycle.serving.scoring.check import check_scoring

FILE = "bucle.yaml"
# What each kind of trigger needs besides `run`.
_NEEDS = {"schedule": "cron", "new_data": "dataset", "drift": "monitor", "performance": "monitor"}


def find_file(start: Path) -> Path | None:
    """Return the `bucle.yaml` of a folder or of the nearest one above it, or None."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    return None


def load_project(path: Path) -> ProjectSpec:
    """Read and check a project's file, and import the feature views that it names.

    A folder stands for its `bucle.yaml`.

    Raises:
        NotFound: there is no such file, or the Python that it names.
        Invalid: a mistake, with file, line and what is allowed.
    """
    path = path / FILE if path.is_dir() else path
    spec = load_yaml(path, ProjectSpec, named=NAMED)
    text = path.read_text("utf-8")
    checked(spec, text, path.name)
    if spec.features is None:
        return spec
    return checked(with_views(spec, load_views(path.parent, spec.features.views)), text, path.name)


def parse_project(text: str, *, name: str = FILE, views: Sequence[FeatureView] = ()) -> ProjectSpec:
    """Read and check a project's text, with the feature views that its Python defines."""
    spec = parse_yaml(text, ProjectSpec, name=name, named=NAMED)
    return checked(with_views(spec, views) if views else spec, text, name)


def with_views(spec: ProjectSpec, views: Sequence[FeatureView]) -> ProjectSpec:
    """Put definitions beside the name under which the file has them.

    Raises:
        Invalid: the file names no feature views.
    """
    if spec.features is None:
        raise Invalid("the file names no feature views", hint="add features: {views: module:NAME}")
    features = msgspec.structs.replace(spec.features, definitions=tuple(views))
    return msgspec.structs.replace(spec, features=features)


def project_schema() -> dict[str, Any]:
    """Return the JSON Schema of `bucle.yaml`, for editors; keys give the names."""
    schema = json_schema(ProjectSpec)
    named = {"DatasetSpec", "DeploymentSpec", "MonitorSpec", "FeedbackSpec", "ScoringSpec"}
    for title, record in schema.get("$defs", {}).items():
        if title in named:
            record["properties"].pop("name", None)
            record["required"] = [one for one in record.get("required", ()) if one != "name"]
    schema["$defs"]["FeaturesSpec"]["properties"].pop("definitions")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FILE} | schema


def checked(spec: ProjectSpec, text: str, name: str = FILE) -> ProjectSpec:
    """Return the declarations if what they name is declared and what they time can be read.

    Raises:
        Invalid: a name that is not declared, or a duration or cron that is none; with its line.
    """

    def wrong(where: str, what: str, hint: str) -> Invalid:
        return Invalid(f"{name}:{line_of(text, where)}: in {where}: {what}", hint=hint)

    for where, label, wanted, declared in _names(spec):
        if wanted and wanted not in declared:
            known = ", ".join(sorted(declared)) or "nothing"
            raise wrong(where, f"there is no {label} {wanted!r}", f"declared: {known}")
    for key, trigger in spec.triggers.items():
        need = _NEEDS.get(trigger.on)
        if need and not getattr(trigger, need):
            raise wrong(f"triggers.{key}", f"on {trigger.on} needs {need!r}", f"add {need}: ...")
    for where, check in _checks(spec):
        try:
            check()
        except Invalid as error:
            raise wrong(where, error.message, error.hint) from error
    return spec


def _names(spec: ProjectSpec) -> Iterable[tuple[str, str, str, Iterable[str]]]:
    """Yield where a name is used, what it names, the name, and what is declared."""
    for key, model in spec.models.items():
        yield f"models.{key}", "pipeline", model.pipeline, spec.pipelines
    for key, deployment in spec.deployments.items():
        yield f"deployments.{key}", "model", deployment.model, spec.models
    for key, monitor in spec.monitors.items():
        yield f"monitors.{key}", "deployment", monitor.deployment, spec.deployments
    for key, deployment in spec.deployments.items():
        for view in deployment.features if spec.views else ():
            yield f"deployments.{key}", "feature view", view.partition("@")[0], spec.views
    for key, one in spec.feedback.items():
        yield f"feedback.{key}", "deployment", one.deployment, spec.deployments
        yield f"feedback.{key}", "dataset", one.into, spec.datasets
    for key, each in spec.scorings.items():
        asked = each.model.removeprefix("model:").partition("@")[0]
        yield f"scoring.{key}", "model", asked, spec.models
        yield f"scoring.{key}", "dataset", each.dataset.partition("@")[0], spec.datasets
        yield f"scoring.{key}", "deployment", each.log, spec.deployments
    for key, trigger in spec.triggers.items():
        yield f"triggers.{key}", "pipeline", trigger.run, spec.pipelines
        yield f"triggers.{key}", "dataset", trigger.dataset, spec.datasets
        yield f"triggers.{key}", "monitor", trigger.monitor, spec.monitors


def _checks(spec: ProjectSpec) -> Iterable[tuple[str, Callable[[], object]]]:
    """Yield where a value is that has rules of its own, and what holds it against them."""
    for key, deployment in spec.deployments.items():
        yield f"deployments.{key}", partial(check_deployment, deployment)
    for key, monitor in spec.monitors.items():
        yield f"monitors.{key}", partial(check_monitor, monitor)
    for key, dataset in spec.datasets.items():
        if dataset.source:
            yield f"datasets.{key}.source", partial(check_source, dataset.source, dataset.key)
    for key, one in spec.feedback.items():
        yield f"feedback.{key}.every", partial(parse_duration, one.every)
        yield f"feedback.{key}", partial(_check_alone, spec, one)
    for key, trigger in spec.triggers.items():
        yield f"triggers.{key}.cooldown", partial(parse_duration, trigger.cooldown)
        if trigger.cron:
            yield f"triggers.{key}.cron", partial(next_due, trigger.cron, START)
    for key, each in spec.scorings.items():
        yield f"scoring.{key}", partial(check_scoring, each)
    if spec.features and spec.features.every:
        yield "features.every", partial(parse_duration, spec.features.every)
    yield "reconcile.every", partial(parse_duration, spec.reconcile.every)


def _check_alone(spec: ProjectSpec, one: FeedbackSpec) -> None:
    """Refuse a second way for one deployment's labels: each is folded once, into one dataset."""
    same = [key for key, other in spec.feedback.items() if other.deployment == one.deployment]
    if len(same) > 1:
        raise Invalid(
            f"the labels of {one.deployment!r} go two ways: {', '.join(sorted(same))}",
            hint="declare one of them",
        )
