"""Any request that the model server's document allows gets an answer that it describes, no bug."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.model_server import model_server

_CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
_EXAMPLES = {GenerationMode.POSITIVE: 60, GenerationMode.NEGATIVE: 30}
_SETTINGS = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
# A row on which this model fails on purpose; it is the one answer with 500 that is no bug.
_TOO_HOT = "that is too hot"
_ASKED = ("/predict/demand", "/invocations/demand", "/explain/demand", "/v2/models/demand/infer")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("fuzzed")) as address:
        yield address


@pytest.fixture(scope="module")
def schema(url: str):
    return schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: f"{mode.value}ly")
@pytest.mark.parametrize("path", _ASKED)
def test_no_request_for_an_answer_finds_a_bug(schema, path: str, mode: GenerationMode) -> None:
    operation = schema[path]["POST"]
    statuses = set()

    @settings(_SETTINGS, max_examples=_EXAMPLES[mode])
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case) -> None:
        answer = case.call(timeout=30)
        statuses.add(answer.status_code)
        assert answer.status_code != 500 or _TOO_HOT in answer.text, answer.text
        case.validate_response(answer, checks=_CHECKS)

    ask()
    if mode is GenerationMode.POSITIVE:
        assert 200 in statuses  # what the document allows is understood, not only refused


def test_what_can_be_read_is_what_the_document_says(schema, subtests: pytest.Subtests) -> None:
    paths = schema.raw_schema["paths"]
    asked = [path for path, operations in paths.items() if "get" in operations]
    assert len(asked) >= 10
    for path in asked:
        with subtests.test(path):
            case = schema[path]["GET"].Case()
            case.validate_response(case.call(timeout=30), checks=_CHECKS)
