"""`bucle.yaml` as a record: everything that a project declares."""

from typing import Any, Literal

import msgspec

from bucle.control.triggers.records import Trigger
from bucle.lifecycle.charter import ErrorCosts, Kpi
from bucle.lifecycle.data import DatasetSpec
from bucle.lifecycle.features import FeatureView
from bucle.lifecycle.feedback import FeedbackSpec
from bucle.lifecycle.monitoring import MonitorSpec
from bucle.lifecycle.registry import GateSpec
from bucle.lifecycle.serving import DeploymentSpec
from bucle.lifecycle.serving.scoring.records import ScoringSpec


class CharterSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The business problem."""

    problem: str
    kpi: Kpi
    costs: ErrorCosts | None = None  # None: errors are not priced
    stop_rule: str = ""
    sponsor: str = ""


class FeaturesSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project's feature views, which control keeps in the online store."""

    views: str  # module:attribute, a list of feature views
    every: str = ""  # "": when their sources get rows; a duration: so often as well
    # What `views` holds: filled in by whoever reads the file, beside the project's Python.
    definitions: tuple[FeatureView, ...] = ()


class PipelineSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pipeline in the project's Python."""

    run: str  # module:attribute
    params: dict[str, Any] = {}


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registered model: what it is for, and what a version must pass."""

    pipeline: str = ""  # the pipeline that makes it; "": any of them
    gates: GateSpec = GateSpec()
    # Whether its pipeline waits until every declared dataset was decided go on; left out: no.
    require_decision: bool | msgspec.UnsetType = msgspec.UNSET


class Budgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent unasked."""

    cost_per_month: float | None = None  # None: no limit


class ReconcileSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often reality is compared with the declarations, and what follows."""

    every: str = "1m"
    policy: Literal["report", "revert"] = "report"


class ProjectSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project, declared."""

    version: Literal[1]
    project: str
    charter: CharterSpec | None = None  # None: no charter yet
    datasets: dict[str, DatasetSpec] = {}
    features: FeaturesSpec | None = None  # None: no feature views
    pipelines: dict[str, PipelineSpec] = {}
    models: dict[str, ModelSpec] = {}
    deployments: dict[str, DeploymentSpec] = {}
    monitors: dict[str, MonitorSpec] = {}
    feedback: dict[str, FeedbackSpec] = {}
    triggers: dict[str, Trigger] = {}
    budgets: Budgets = Budgets()
    reconcile: ReconcileSpec = ReconcileSpec()
    scoring: dict[str, ScoringSpec] | msgspec.UnsetType = msgspec.UNSET  # left out: nothing

    @property
    def scorings(self) -> dict[str, ScoringSpec]:
        """What is scored again and again, by name."""
        return self.scoring or {}

    @property
    def views(self) -> dict[str, FeatureView]:
        """The feature views as they are defined, by name."""
        return {view.name: view for view in self.features.definitions} if self.features else {}


# In these sections the key is the thing's name, which its record holds too.
NAMED = ("datasets", "deployments", "monitors", "feedback", "scoring")
