"""Our errors reach a client in the protocol's words."""

import msgspec
import pytest

from bucle.base.errors import (
    BucleError,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)
from bucle.base.verdict import Verdict
from bucle.interfaces.http.problem import BUG, Problem
from bucle.interfaces.mlflow.problems import refusal_of, refusal_of_problem


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Invalid("x"), 400, "INVALID_PARAMETER_VALUE"),
        (NotFound("x"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (Conflict("x"), 400, "RESOURCE_ALREADY_EXISTS"),
        (Denied("x"), 403, "PERMISSION_DENIED"),
        (Unavailable("x"), 503, "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_each_error_has_its_code_and_status(error: BucleError, status: int, code: str) -> None:
    answer = refusal_of(error)
    assert answer.status == status
    assert msgspec.json.decode(answer.body) == {"error_code": code, "message": "x"}


def test_a_call_may_name_the_code_of_its_conflicts() -> None:
    answer = refusal_of(Conflict("x"), conflict="INVALID_PARAMETER_VALUE")
    assert b"INVALID_PARAMETER_VALUE" in answer.body


def test_a_refusal_says_which_gate_refused_and_what_to_do() -> None:
    verdict = Verdict(name="latency", ok=False, note="p95 is 9 ms")
    said = refusal_of(Refused("not promoted", because=(verdict,), hint="waive it")).body
    assert b"latency: p95 is 9 ms" in said
    assert b"waive it" in said


def test_a_bug_is_told_by_its_number_only() -> None:
    answer = refusal_of_problem(500, Problem(error=BUG, message="a bug", id="abc"))
    assert answer.status == 500
    assert b"abc" in answer.body
    assert b"INTERNAL_ERROR" in answer.body
