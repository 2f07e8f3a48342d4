"""`Fact` and `Edge`: what a verb leaves behind in its scope, before the session writes it."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a verb did, before it is chained: past tense, about one ref."""

    type: str
    ref: Ref
    body: dict[str, Any]


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """`source` was used to make, or leads to, `target`."""

    source: str
    target: str
    relation: str
    detail: dict[str, Any] = {}
    at: datetime | None = None  # None: not written yet
