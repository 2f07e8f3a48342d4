"""An endpoint is found by its words, and the rest of a path keeps its slashes."""

import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.mlflow.endpoint import Endpoint, Nothing, Transfer
from bucle.interfaces.mlflow.matcher import Matcher
from bucle.interfaces.mlflow.table import all_endpoints


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A request with one value of the path."""

    trace_id: str


async def _never(*_: object) -> None: ...


GET = Endpoint(method="GET", path="mlflow/runs/get", request=Nothing, handle=lambda *_: None)
TAGS = Endpoint(
    method="PATCH", path="mlflow/traces/{trace_id}/tags", request=Named, handle=lambda *_: None
)
FETCH = Transfer(method="GET", path="mlflow-artifacts/artifacts/{path}", handle=_never)  # type: ignore[arg-type]
MATCHER = Matcher([GET, TAGS, FETCH])


def test_plain_words_lead_to_their_endpoint() -> None:
    match = MATCHER.find("GET", "2.0/mlflow/runs/get")
    assert match is not None
    assert match.endpoint is GET


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "2.0/mlflow/runs/get"),
        ("GET", "3.0/mlflow/runs/get"),
        ("GET", "2.0/mlflow/runs/get/more"),
        ("PATCH", "2.0/mlflow/traces/a/b/tags"),
        ("GET", "2.0/mlflow-artifacts/artifacts"),
    ],
)
def test_another_method_version_or_length_leads_nowhere(method: str, path: str) -> None:
    assert MATCHER.find(method, path) is None


def test_one_segment_is_one_value_even_with_a_slash_in_it() -> None:
    match = MATCHER.find("PATCH", "2.0/mlflow/traces/a%2Fb/tags")
    assert match is not None
    assert match.values == {"trace_id": "a/b"}


def test_the_rest_of_a_path_is_decoded_once_and_whole() -> None:
    match = MATCHER.find("GET", "2.0/mlflow-artifacts/artifacts/1/r/artifacts/a%20b/%252e%252e/c")
    assert match is not None
    assert match.values == {"path": "1/r/artifacts/a b/%2e%2e/c"}


def test_a_path_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(Invalid, match="UTF-8"):
        MATCHER.find("GET", "2.0/mlflow-artifacts/artifacts/%ff")


def test_two_endpoints_at_one_place_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="share"):
        Matcher([GET, Endpoint(method="GET", path=GET.path, request=Nothing, handle=GET.handle)])


def test_every_value_of_a_path_is_a_field_of_its_request() -> None:
    for endpoint in all_endpoints():
        if isinstance(endpoint, Endpoint):
            names = {part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")}
            fields = {field.encode_name for field in msgspec.structs.fields(endpoint.request)}
            assert names <= fields, endpoint.path
