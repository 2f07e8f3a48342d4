import re

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bucle.interfaces.api.openapi import openapi_document
from bucle.interfaces.operations.table import all_rows


@pytest.fixture(scope="module")
def document():
    return msgspec.json.decode(openapi_document())


def test_the_document_is_valid_openapi_3_1(document) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_row_is_documented_with_its_parameters(document) -> None:
    for row in all_rows():
        described = document["paths"][f"/api/v1/{{project}}{row.path}"][row.method.lower()]
        assert described["operationId"] == row.name
        in_path = {one["name"] for one in described["parameters"] if one["in"] == "path"}
        assert in_path == {"project", *re.findall(r"{(\w+)}", row.path)}


def test_a_field_in_the_path_is_not_asked_for_in_the_body(document) -> None:
    grant = document["paths"]["/api/v1/{project}/principals/{name}/grant"]["post"]
    body = grant["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"role", "everywhere"}
    assert body["required"] == ["role"]


def test_every_refusal_is_described(document) -> None:
    answers = document["paths"]["/api/v1/{project}/charter"]["get"]["responses"]
    assert set(answers) == {"200", "400", "401", "403", "404", "409", "422", "500", "501", "503"}
