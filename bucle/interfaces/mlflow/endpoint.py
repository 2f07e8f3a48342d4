"""`Endpoint` and `Transfer`: one call of the protocol, and what answers it.

Paths, methods and field names are those of the protobuf files that the `mlflow` package ships
(`mlflow/protos/service.proto`, `model_registry.proto`, `mlflow_artifacts.proto`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import msgspec

from bucle.governance.session import Session
from bucle.interfaces.http.answers import Answer, Request
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.http.transfers import Transfers

Q = TypeVar("Q", bound=msgspec.Struct)
Version = Literal["2.0", "3.0", ""]  # "": beside the API, at the root


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """An answer without fields, and a request that has none."""


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[Q]):
    """A call whose request and answer are JSON."""

    method: str
    path: str  # below /api/<version>/, as mlflow/runs/get; {name} is a field of the request
    request: type[Q]
    # Runs in a thread.  An `Answer` is sent as it is, a record as JSON, None as {}.
    handle: Callable[[Session, Q], msgspec.Struct | Answer | None]
    version: Version = "2.0"
    conflict: str = "RESOURCE_ALREADY_EXISTS"  # the protocol's code for a `Conflict` of this call
    is_long: bool = False  # may take more than some hundred milliseconds
    # One transaction of a few statements and nothing else, so that it can be tried without a
    # thread, and be done again in one if it had to wait.
    is_brief: bool = False


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A call whose body is bytes, in or out; `{path}` at the end takes all that is left."""

    method: str
    path: str
    handle: Callable[["Desk", Request, dict[str, str]], Awaitable[Answer]]
    version: Version = "2.0"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a transfer is handled: the caller's session, the content store, and threads."""

    session: Session
    threads: Threads
    transfers: Transfers


AnyEndpoint = Endpoint[Any] | Transfer
