"""Room features: one definition for the training set and for the online row."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
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
        feature_view,
    )
    from bucle.lifecycle.features.register import (
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
        "load": "load_views",
        "materialize": "materialize",
        "online": "OnlineRead online_view read_fresh read_online",
        "parity": "check_parity list_parities",
        "records": (
            "Aggregation Entity FeatureView Materialization OnlineView Parity ParitySpec "
            "RegisteredView feature_view"
        ),
        "register": "get_view list_views register_view keep_view_found",
        "restore": "restore_views",
        "training": "inputs_of training_set",
        "write_training": "write_training_set",
    })  # fmt: skip

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
    "keep_view_found",
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
    "write_training_set",
]
