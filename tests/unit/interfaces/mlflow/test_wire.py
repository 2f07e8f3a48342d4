"""What a client writes becomes the request that an endpoint takes, or a clear refusal."""

import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.mlflow.wire import of_body, of_query


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request with one of each."""

    run_id: str = ""
    step: int = 0
    experiment_ids: tuple[str, ...] = ()


def test_whole_numbers_may_come_as_text() -> None:
    assert of_body(Asked, b'{"step": "12"}', {}).step == 12


def test_fields_that_nobody_reads_are_left_unread() -> None:
    assert of_body(Asked, b'{"run_id": "a", "unheard_of": [1]}', {}).run_id == "a"


def test_an_empty_body_is_an_empty_request() -> None:
    assert of_body(Asked, b"", {}) == Asked()


def test_the_values_of_a_path_go_into_the_request() -> None:
    assert of_body(Asked, b'{"step": 1}', {"run_id": "r"}) == Asked(run_id="r", step=1)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"step": "one"}', b'{"run_id": "a\\u0000b"}', b"\xff"]
)
@pytest.mark.parametrize("path_values", [{}, {"experiment_ids": "1"}])
def test_what_can_not_be_read_is_refused(body: bytes, path_values: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        of_body(Asked, body, path_values)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(Invalid, match="run_id"):
        of_body(Asked, b'{"run_id": 5}', {})


def test_a_list_takes_every_value_of_a_query_and_a_scalar_the_last() -> None:
    query = {"experiment_ids": ["1", "2"], "run_id": ["a", "b"], "step": ["3"]}
    assert of_query(Asked, query, {}) == Asked(run_id="b", step=3, experiment_ids=("1", "2"))


def test_a_nul_character_in_a_query_is_refused() -> None:
    with pytest.raises(Invalid, match="NUL"):
        of_query(Asked, {"run_id": ["a\x00"]}, {})
