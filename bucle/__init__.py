"""Bucle: the whole MLOps loop in one package.

The front door: each name is imported when it is first used, so that `import bucle` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bucle.base.version import __version__

if TYPE_CHECKING:
    from bucle.base.refs import Ref
    from bucle.interfaces.client import Client, connect
    from bucle.interfaces.client.front import dataset, training_set
    from bucle.interfaces.client.models import log_model
    from bucle.interfaces.client.predicting import model
    from bucle.interfaces.client.runs import (
        log_artifact,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        run,
        tag,
    )
    from bucle.interfaces.client.searches import search
    from bucle.lifecycle.data import Expectation
    from bucle.lifecycle.features import (
        Aggregation,
        Entity,
        OnDemand,
        code_of,
        feature_view,
        on_demand,
    )
    from bucle.lifecycle.pipelines import pipeline, step
    from bucle.lifecycle.tuning import Choice, Float, Int, Search

__all__ = [
    "Aggregation",
    "Choice",
    "Client",
    "Entity",
    "Expectation",
    "Float",
    "Int",
    "OnDemand",
    "Ref",
    "Search",
    "__version__",
    "code_of",
    "connect",
    "dataset",
    "feature_view",
    "log_artifact",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "model",
    "on_demand",
    "pipeline",
    "run",
    "search",
    "step",
    "tag",
    "training_set",
]

# name -> the module that it is imported from when it is first used
_PLACES = {
    "Aggregation": "bucle.lifecycle.features",
    "Choice": "bucle.lifecycle.tuning",
    "Client": "bucle.interfaces.client",
    "Entity": "bucle.lifecycle.features",
    "Expectation": "bucle.lifecycle.data",
    "Float": "bucle.lifecycle.tuning",
    "Int": "bucle.lifecycle.tuning",
    "OnDemand": "bucle.lifecycle.features",
    "Ref": "bucle.base.refs",
    "Search": "bucle.lifecycle.tuning",
    "code_of": "bucle.lifecycle.features",
    "connect": "bucle.interfaces.client",
    "dataset": "bucle.interfaces.client.front",
    "feature_view": "bucle.lifecycle.features",
    "log_artifact": "bucle.interfaces.client.runs",
    "log_metric": "bucle.interfaces.client.runs",
    "log_metrics": "bucle.interfaces.client.runs",
    "log_model": "bucle.interfaces.client.models",
    "log_param": "bucle.interfaces.client.runs",
    "log_params": "bucle.interfaces.client.runs",
    "model": "bucle.interfaces.client.predicting",
    "on_demand": "bucle.lifecycle.features",
    "pipeline": "bucle.lifecycle.pipelines",
    "run": "bucle.interfaces.client.runs",
    "search": "bucle.interfaces.client.searches",
    "step": "bucle.lifecycle.pipelines",
    "tag": "bucle.interfaces.client.runs",
    "training_set": "bucle.interfaces.client.front",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is behind the name
    """Import a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"bucle has no {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
