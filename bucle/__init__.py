"""Bucle: the whole MLOps loop in one package.

The front door: each name is imported when it is first used, so that `import bucle` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bucle.base.version import __version__

if TYPE_CHECKING:
    from bucle.base.refs import Ref
    from bucle.interfaces.client import Client, connect

__all__ = ["Client", "Ref", "__version__", "connect"]

_PLACES = {
    "Client": "bucle.interfaces.client",
    "Ref": "bucle.base.refs",
    "connect": "bucle.interfaces.client",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is behind the name
    """Import a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"bucle has no {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
