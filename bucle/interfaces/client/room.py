"""What the generated rooms stand on."""

from collections.abc import Callable
from typing import Any

Call = Callable[..., Any]


class Room:
    """One room's operations, each as a typed method; the rest is in the client's `call`."""

    def __init__(self, call: Call) -> None:
        self._call = call
