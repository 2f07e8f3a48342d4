"""Any request that the OpenAPI document allows gets an answer that it describes, and no bug."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bucle.interfaces.operations.table import AnyOperation, all_rows
from tests.support.servers import Running, server

_CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
_NOT_HTTP = "Invalid HTTP request received."
# Few, because every row has a test of its own; what one run misses, another row often finds.
_EXAMPLES = {GenerationMode.POSITIVE: 12, GenerationMode.NEGATIVE: 3}
_SETTINGS = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Running:
    with server(tmp_path_factory.mktemp("fuzzed")) as running:
        yield running


@pytest.fixture(scope="module")
def schema(running):
    return schemathesis.openapi.from_url(f"{running.url}/api/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: f"{mode.value}ly")
@pytest.mark.parametrize("row", all_rows(), ids=lambda row: row.name)
def test_no_request_finds_a_bug(running, schema, row: AnyOperation, mode: GenerationMode) -> None:
    operation = schema[f"/api/v1/{{project}}{row.path}"][row.method]

    @settings(_SETTINGS, max_examples=_EXAMPLES[mode])
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case) -> None:
        # A random project and a random token would end nearly every request at the door.
        case.path_parameters["project"] = "fuzzed"
        headers = {"authorization": f"Bearer {running.token}"}
        answer = case.call(headers=headers, timeout=30)
        assert answer.status_code != 500, (answer.text, running.log.read_text(encoding="utf-8"))
        if answer.text == _NOT_HTTP:  # a header that no HTTP parser lets through to an operation
            return
        case.validate_response(answer, checks=_CHECKS)

    ask()
