"""Sub-room logged models: models that a client logs, before and without being registered."""

from bucle.lifecycle.tracking.logged.adopt import AdoptedLoggedModel, adopt_logged_model
from bucle.lifecycle.tracking.logged.change import (
    create_logged_model,
    delete_logged_model,
    finalize_logged_model,
    log_model_metrics,
    log_model_params,
    tag_logged_model,
    untag_logged_model,
)
from bucle.lifecycle.tracking.logged.purge import purge_logged_models
from bucle.lifecycle.tracking.logged.read import (
    find_logged_model,
    get_logged_model,
    search_logged_models,
)
from bucle.lifecycle.tracking.logged.records import (
    DatasetOf,
    LoggedModel,
    LoggedModelQuery,
    LoggedStatus,
    ModelMetric,
    ModelOrder,
    NewLoggedModel,
)

__all__ = [
    "AdoptedLoggedModel",
    "DatasetOf",
    "LoggedModel",
    "LoggedModelQuery",
    "LoggedStatus",
    "ModelMetric",
    "ModelOrder",
    "NewLoggedModel",
    "adopt_logged_model",
    "create_logged_model",
    "delete_logged_model",
    "finalize_logged_model",
    "find_logged_model",
    "get_logged_model",
    "log_model_metrics",
    "log_model_params",
    "purge_logged_models",
    "search_logged_models",
    "tag_logged_model",
    "untag_logged_model",
]
