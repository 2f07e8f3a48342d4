"""Room features: one definition for the training set and for the online row."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.features.demand.define import code_of, on_demand
    from bucle.lifecycle.features.demand.inputs import reading
    from bucle.lifecycle.features.load import load_views
    from bucle.lifecycle.features.materialize import materialize
    from bucle.lifecycle.features.online import OnlineRead, online_view, read_fresh, read_online
    from bucle.lifecycle.features.parity import check_parity, list_parities
    from bucle.lifecycle.features.read import read_features
    from bucle.lifecycle.features.records import (
        Aggregation,
        Code,
        Entity,
        FeatureView,
        Materialization,
        OnDemand,
        OnlineView,
        Parity,
        ParitySpec,
        RegisteredView,
        feature_view,
    )
    from bucle.lifecycle.features.register import (
        find_materialization,
        get_view,
        keep_view_found,
        list_views,
        register_view,
    )
    from bucle.lifecycle.features.restore import restore_views
    from bucle.lifecycle.features.training import inputs_of, training_set
    from bucle.lifecycle.features.write_training import write_training_set
else:
    open_by_name(__name__, {
        "demand.define": "code_of on_demand",
        "demand.inputs": "reading",
        "load": "load_views",
        "materialize": "materialize",
        "online": "OnlineRead online_view read_fresh read_online",
        "parity": "check_parity list_parities",
        "read": "read_features",
        "records": (
            "Aggregation Code Entity FeatureView Materialization OnDemand OnlineView Parity "
            "ParitySpec RegisteredView feature_view"
        ),
        "register": "find_materialization get_view keep_view_found list_views register_view",
        "restore": "restore_views",
        "training": "inputs_of training_set",
        "write_training": "write_training_set",
    })  # fmt: skip

__all__ = [
    "Aggregation",
    "Code",
    "Entity",
    "FeatureView",
    "Materialization",
    "OnDemand",
    "OnlineRead",
    "OnlineView",
    "Parity",
    "ParitySpec",
    "RegisteredView",
    "check_parity",
    "code_of",
    "feature_view",
    "find_materialization",
    "get_view",
    "inputs_of",
    "keep_view_found",
    "list_parities",
    "list_views",
    "load_views",
    "materialize",
    "on_demand",
    "online_view",
    "read_features",
    "read_fresh",
    "read_online",
    "reading",
    "register_view",
    "restore_views",
    "training_set",
    "write_training_set",
]
