"""Bucle: the whole MLOps loop in one package.

The front door: each name is imported when it is first used, so that `import bucle` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bucle.base.version import __version__

if TYPE_CHECKING:
    from bucle.base.refs import Ref
    from bucle.interfaces.client import Client, connect
    from bucle.interfaces.client.runs import (
        active_run,
        log_artifact,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        run,
        tag,
    )

__all__ = [
    "Client",
    "Ref",
    "__version__",
    "active_run",
    "connect",
    "log_artifact",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "run",
    "tag",
]

_PLACES = {
    "Client": "bucle.interfaces.client",
    "Ref": "bucle.base.refs",
    "active_run": "bucle.interfaces.client.runs",
    "connect": "bucle.interfaces.client",
    "log_artifact": "bucle.interfaces.client.runs",
    "log_metric": "bucle.interfaces.client.runs",
    "log_metrics": "bucle.interfaces.client.runs",
    "log_param": "bucle.interfaces.client.runs",
    "log_params": "bucle.interfaces.client.runs",
    "run": "bucle.interfaces.client.runs",
    "tag": "bucle.interfaces.client.runs",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is behind the name
    """Import a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"bucle has no {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
