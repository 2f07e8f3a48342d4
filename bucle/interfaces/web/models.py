"""A model with its versions, and one version with its gates, files and lineage."""

import msgspec

from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.interfaces.web.snapshot import model_seen
from bucle.interfaces.web.trees import Branch, tree_of
from bucle.interfaces.web.versions import MetricRow, ModelPanel, compare_metrics, model_panel
from bucle.interfaces.web.visit import Visit, seen
from bucle.lifecycle import data, registry
from bucle.lifecycle.registry import catalog

_ALL = 200


class ModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """A model."""

    project: str
    panel: ModelPanel
    notes: catalog.Notes
    versions: tuple[registry.ModelVersion, ...]
    metrics: tuple[str, ...]
    may_roll_back: bool


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model."""

    project: str
    version: registry.ModelVersion
    is_champion: bool
    rows: tuple[MetricRow, ...]  # beside the champion
    decisions: tuple[registry.Decision, ...]
    package: registry.PackageFiles | None  # None: it may not be seen
    confirming: data.SplitReport | None  # None: its gates measure on no split, or it is unseen
    notes: catalog.Notes
    origin: tuple[Branch, ...]
    used_by: tuple[Branch, ...]
    may_promote: bool


def model_page(visit: Visit, name: str) -> ModelPage:
    """Show a model, its versions and its decisions."""
    ref = Ref.parse(name, kind="model")
    with visit.session.begin(write=False) as scope:
        seen_ = model_seen(scope, registry.get_model(scope, ref.name))
        notes = catalog.get_notes(scope, Ref("model", ref.name))
    names = [row.name for row in compare_metrics(seen_.champion, None, seen_.model.gates)]
    if not names and seen_.versions:
        names = list(seen_.versions[0].metrics)[:5]
    panel = model_panel(seen_, decisions=_ALL)
    return ModelPage(
        project=visit.project,
        panel=panel,
        notes=notes,
        versions=seen_.versions,
        metrics=tuple(names[:5]),
        may_roll_back=visit.may(Permission.MODEL_PROMOTE) and _has_previous(panel),
    )


def version_page(visit: Visit, name: str) -> VersionPage:
    """Show a version."""
    ref = Ref.parse(name, kind="model")
    with visit.session.begin(write=False) as scope:
        version = registry.get_version(scope, ref)
        champion = registry.find_version(scope, ref.at(registry.CHAMPION))
        history = seen(lambda: registry.history(scope, ref.name).decisions, ())
        split = version.split
        confirming = seen(lambda: data.show_split(scope, split), None) if split else None
        notes = catalog.get_notes(scope, version.ref)
        package = seen(lambda: registry.get_package(scope, version.ref), None)
        origin = seen(lambda: tree_of(trace(scope, version.ref, up=True, depth=8)), ())
        used_by = seen(lambda: tree_of(trace(scope, version.ref, up=False, depth=3)), ())
    is_champion = champion is not None and champion.number == version.number
    rows = compare_metrics(None if is_champion else champion, version)
    return VersionPage(
        project=visit.project,
        version=version,
        is_champion=is_champion,
        rows=rows,
        decisions=tuple(one for one in history if one.version == version.number),
        package=package,
        confirming=confirming,
        notes=notes,
        origin=origin,
        used_by=used_by,
        may_promote=(
            visit.may(Permission.MODEL_PROMOTE) and not is_champion and version.status == "accepted"
        ),
    )


def _has_previous(panel: ModelPanel) -> bool:
    return any(one.previous is not None for one in panel.decisions)
