import pytest

from bucle.base.codec import decode, encode
from bucle.base.errors import STATUS, Refused, Unavailable
from bucle.base.verdict import Verdict
from bucle.interfaces.http.problem import BUG, Problem, error_of, problem_of, status_of


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
def test_an_error_comes_out_of_the_wire_as_it_went_in(kind) -> None:
    error = error_of(decode(encode(problem_of(kind("no", hint="yes"))), Problem))
    assert type(error) is kind
    assert (error.message, error.hint) == ("no", "yes")


def test_a_refusal_keeps_its_verdicts() -> None:
    verdict = Verdict(name="mae", ok=False, value=9.0, limit=5.0, note="worse")
    error = error_of(decode(encode(problem_of(Refused("no", because=[verdict]))), Problem))
    assert isinstance(error, Refused)
    assert error.because == (verdict,)


def test_a_bug_of_the_server_tells_the_id_to_look_for() -> None:
    error = error_of(Problem(error=BUG, message="a bug", id="a1b2"))
    assert isinstance(error, Unavailable)
    assert "a1b2" in error.hint


def test_every_class_has_its_status() -> None:
    assert [status_of(kind("x")) for kind in STATUS] == [400, 403, 404, 409, 422, 501, 503]
