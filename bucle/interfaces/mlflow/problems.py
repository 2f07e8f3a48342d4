"""Our errors in the protocol's words: an error code and a message.

Codes and statuses: `mlflow/protos/databricks.proto` and `mlflow/exceptions.py` of the client.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from bucle.base.errors import (
    BucleError,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    NotInstalled,
    Refused,
    Unavailable,
)
from bucle.interfaces.http.answers import Answer, json_answer
from bucle.interfaces.http.problem import Problem, error_of

INVALID_PARAMETER_VALUE = "INVALID_PARAMETER_VALUE"
INVALID_STATE = "INVALID_STATE"
NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
RESOURCE_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
RESOURCE_DOES_NOT_EXIST = "RESOURCE_DOES_NOT_EXIST"
UNAUTHENTICATED = "UNAUTHENTICATED"

_STATUS: Mapping[str, int] = MappingProxyType(
    {
        "ENDPOINT_NOT_FOUND": 404,
        INVALID_PARAMETER_VALUE: 400,
        INVALID_STATE: 500,
        "INTERNAL_ERROR": 500,
        NOT_IMPLEMENTED: 501,
        "PERMISSION_DENIED": 403,
        RESOURCE_ALREADY_EXISTS: 400,
        RESOURCE_DOES_NOT_EXIST: 404,
        "TEMPORARILY_UNAVAILABLE": 503,
        UNAUTHENTICATED: 401,
        "BAD_REQUEST": 400,
    }
)

_CODES: Mapping[type[BucleError], str] = MappingProxyType(
    {
        Conflict: RESOURCE_ALREADY_EXISTS,
        Denied: "PERMISSION_DENIED",
        Invalid: INVALID_PARAMETER_VALUE,
        NotFound: RESOURCE_DOES_NOT_EXIST,
        NotInstalled: NOT_IMPLEMENTED,
        Refused: "BAD_REQUEST",
        Unavailable: "TEMPORARILY_UNAVAILABLE",
    }
)


class _Said(msgspec.Struct, frozen=True):
    error_code: str
    message: str


def refusal(code: str, message: str) -> Answer:
    """Answer with an error of the protocol."""
    asks = (("www-authenticate", 'Basic realm="bucle"'),) if code == UNAUTHENTICATED else ()
    status = _STATUS.get(code, 400)
    return json_answer(_Said(error_code=code, message=message), status=status, headers=asks)


def refusal_of(error: BucleError, *, conflict: str = RESOURCE_ALREADY_EXISTS) -> Answer:
    """Answer with one of our errors; `conflict` is the code for a `Conflict`."""
    code = conflict if isinstance(error, Conflict) else _CODES[type(error)]
    parts = [error.message]
    if isinstance(error, Refused):
        parts += [f"{verdict.name}: {verdict.note}" for verdict in error.because]
    if error.hint:
        parts.append(f"({error.hint})")
    return refusal(code, " ".join(parts))


def refusal_of_problem(status: int, problem: Problem) -> Answer:
    """Answer with what the HTTP door made of an error."""
    if status >= 500 and problem.id:  # noqa: PLR2004 - HTTP
        return refusal("INTERNAL_ERROR", f"{problem.message} (the server's log: {problem.id})")
    return refusal_of(error_of(problem))
