"""Any request that the model server's document allows gets an answer that it describes, no bug."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import serving
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop

ROOT = Path(__file__).resolve().parents[2]
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
    folder = tmp_path_factory.mktemp("fuzzed")
    home = shutil.copytree(make_home(folder / "made"), folder / "home")
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    serving.publish(house.session())
    house.close()
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bucle.interfaces.predict"],
        cwd=ROOT,
        env=environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    stop(process)
    process.stdout.close()


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
