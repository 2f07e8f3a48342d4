"""What a rebuild and the process that it starts say to each other.

Apart from the other records, which the data plane reads and which need nothing of tracking.
"""

from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.tracking import Environment


class RetrainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which pipeline the process of a rebuild runs, and with what."""

    reference: str
    params: dict[str, Any]
    folder: str


class RetrainAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How it went there, and under which runs."""

    environment: Environment
    runs: tuple[Ref, ...] = ()  # the pipeline's and its steps'
    error: str = ""  # "": it finished
