"""The rooms of the client.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bucle.interfaces.client.rooms.access import AccessRoom
    from bucle.interfaces.client.rooms.audit import AuditRoom
    from bucle.interfaces.client.rooms.charter import CharterRoom
    from bucle.interfaces.client.rooms.control import ControlRoom
    from bucle.interfaces.client.rooms.cost import CostRoom
    from bucle.interfaces.client.rooms.data import DataRoom
    from bucle.interfaces.client.rooms.features import FeaturesRoom
    from bucle.interfaces.client.rooms.feedback import FeedbackRoom
    from bucle.interfaces.client.rooms.imports import ImportsRoom
    from bucle.interfaces.client.rooms.lineage import LineageRoom
    from bucle.interfaces.client.rooms.monitoring import MonitoringRoom
    from bucle.interfaces.client.rooms.pipelines import PipelinesRoom
    from bucle.interfaces.client.rooms.registry import RegistryRoom
    from bucle.interfaces.client.rooms.serving import ServingRoom
    from bucle.interfaces.client.rooms.tasks import TasksRoom
    from bucle.interfaces.client.rooms.tracking import TrackingRoom
    from bucle.interfaces.client.rooms.tuning import TuningRoom


class Rooms:
    """Every room, imported when it is used."""

    def call(self, operation: str, /, **fields: Any) -> Any:
        """Run an operation by its name: the client's own affair."""
        raise NotImplementedError

    @cached_property
    def access(self) -> "AccessRoom":
        """Who may do what: principals, roles, tokens."""
        from bucle.interfaces.client.rooms.access import AccessRoom  # lazy: when used

        return AccessRoom(self.call)

    @cached_property
    def audit(self) -> "AuditRoom":
        """What happened, in a chain that shows tampering."""
        from bucle.interfaces.client.rooms.audit import AuditRoom  # lazy: when used

        return AuditRoom(self.call)

    @cached_property
    def lineage(self) -> "LineageRoom":
        """What came from what."""
        from bucle.interfaces.client.rooms.lineage import LineageRoom  # lazy: when used

        return LineageRoom(self.call)

    @cached_property
    def cost(self) -> "CostRoom":
        """What everything used and cost."""
        from bucle.interfaces.client.rooms.cost import CostRoom  # lazy: when used

        return CostRoom(self.call)

    @cached_property
    def tasks(self) -> "TasksRoom":
        """What somebody has to do."""
        from bucle.interfaces.client.rooms.tasks import TasksRoom  # lazy: when used

        return TasksRoom(self.call)

    @cached_property
    def charter(self) -> "CharterRoom":
        """The business problem of the project."""
        from bucle.interfaces.client.rooms.charter import CharterRoom  # lazy: when used

        return CharterRoom(self.call)

    @cached_property
    def data(self) -> "DataRoom":
        """Dataset versions: commit, read, validate."""
        from bucle.interfaces.client.rooms.data import DataRoom  # lazy: when used

        return DataRoom(self.call)

    @cached_property
    def tracking(self) -> "TrackingRoom":
        """Runs: parameters, metrics, artifacts."""
        from bucle.interfaces.client.rooms.tracking import TrackingRoom  # lazy: when used

        return TrackingRoom(self.call)

    @cached_property
    def imports(self) -> "ImportsRoom":
        """What was brought over from other tools."""
        from bucle.interfaces.client.rooms.imports import ImportsRoom  # lazy: when used

        return ImportsRoom(self.call)

    @cached_property
    def features(self) -> "FeaturesRoom":
        """Features: training sets and online rows."""
        from bucle.interfaces.client.rooms.features import FeaturesRoom  # lazy: when used

        return FeaturesRoom(self.call)

    @cached_property
    def pipelines(self) -> "PipelinesRoom":
        """Pipelines: run, resume, inspect."""
        from bucle.interfaces.client.rooms.pipelines import PipelinesRoom  # lazy: when used

        return PipelinesRoom(self.call)

    @cached_property
    def tuning(self) -> "TuningRoom":
        """Searches over algorithms and parameters."""
        from bucle.interfaces.client.rooms.tuning import TuningRoom  # lazy: when used

        return TuningRoom(self.call)

    @cached_property
    def registry(self) -> "RegistryRoom":
        """Models: versions, gates, aliases."""
        from bucle.interfaces.client.rooms.registry import RegistryRoom  # lazy: when used

        return RegistryRoom(self.call)

    @cached_property
    def serving(self) -> "ServingRoom":
        """Deployments: what is served and to whom."""
        from bucle.interfaces.client.rooms.serving import ServingRoom  # lazy: when used

        return ServingRoom(self.call)

    @cached_property
    def monitoring(self) -> "MonitoringRoom":
        """What was served, watched."""
        from bucle.interfaces.client.rooms.monitoring import MonitoringRoom  # lazy: when used

        return MonitoringRoom(self.call)

    @cached_property
    def feedback(self) -> "FeedbackRoom":
        """Labels and corrections."""
        from bucle.interfaces.client.rooms.feedback import FeedbackRoom  # lazy: when used

        return FeedbackRoom(self.call)

    @cached_property
    def control(self) -> "ControlRoom":
        """Jobs, triggers, plan and apply."""
        from bucle.interfaces.client.rooms.control import ControlRoom  # lazy: when used

        return ControlRoom(self.call)
