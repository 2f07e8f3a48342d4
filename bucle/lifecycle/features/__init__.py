"""Room features: one definition for the training set and for the online row."""

from bucle.lifecycle.features.load import load_views
from bucle.lifecycle.features.materialize import materialize
from bucle.lifecycle.features.online import OnlineRead, online_view, read_fresh, read_online
from bucle.lifecycle.features.parity import check_parity, list_parities
from bucle.lifecycle.features.records import (
    Aggregation,
    Entity,
    FeatureView,
    Materialization,
    OnlineView,
    Parity,
    ParitySpec,
    RegisteredView,
)
from bucle.lifecycle.features.register import get_view, list_views, register_view
from bucle.lifecycle.features.restore import restore_views
from bucle.lifecycle.features.training import inputs_of, training_set

# As people say it where they define one.
feature_view = FeatureView

__all__ = [
    "Aggregation",
    "Entity",
    "FeatureView",
    "Materialization",
    "OnlineRead",
    "OnlineView",
    "Parity",
    "ParitySpec",
    "RegisteredView",
    "check_parity",
    "feature_view",
    "get_view",
    "inputs_of",
    "list_parities",
    "list_views",
    "load_views",
    "materialize",
    "online_view",
    "read_fresh",
    "read_online",
    "register_view",
    "restore_views",
    "training_set",
]
