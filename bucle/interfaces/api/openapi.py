"""The OpenAPI 3.1 document of the API: written from the rows, so it can not fall behind."""

import re
from typing import Any

import msgspec

from bucle.base.codec import encode, schema_of_custom
from bucle.base.errors import STATUS
from bucle.base.version import __version__
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.operations.rooms import ROOMS
from bucle.interfaces.operations.shape import fields_of
from bucle.interfaces.operations.table import AnyOperation, all_rows

Json = dict[str, Any]

_PLACE = "#/components/schemas/{name}"
_PROJECT: Json = {
    "name": "project",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}


def openapi_document() -> bytes:
    """Return the document as JSON."""
    rows = all_rows()
    kinds = [kind for row in rows for kind in (row.request, row.response)]
    schemas, components = msgspec.json.schema_components(
        [Problem, *kinds], schema_hook=schema_of_custom, ref_template=_PLACE
    )
    paths: Json = dict(_public_paths())
    for row, (request, response) in zip(
        rows, zip(schemas[1::2], schemas[2::2], strict=True), strict=True
    ):
        path = f"/api/v1/{{project}}{row.path}"
        paths.setdefault(path, {})[row.method.lower()] = _operation(
            row, request, response, components
        )
    paths["/api/v1/{project}/content/{digest}"] = _content()
    return encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Bucle", "version": __version__, "license": {"name": "Apache-2.0"}},
            "security": [{"bearer": []}],
            "tags": [{"name": room, "description": words[0]} for room, words in ROOMS.items()],
            "paths": paths,
            "components": {
                "schemas": components,
                "responses": _refusals(schemas[0]),
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(row: AnyOperation, request: Json, response: Json, components: Json) -> Json:
    record = components[request["$ref"].rpartition("/")[2]]
    in_path = re.findall(r"{(\w+)}", row.path)
    parameters = [_PROJECT, *(_parameter(record, name, "path") for name in in_path)]
    described: Json = {
        "operationId": row.name,
        "summary": row.summary,
        "tags": [row.room],
        "parameters": parameters,
        "x-permission": str(row.permission),
        "responses": {"200": _success(response), **_refused()},
    }
    if row.method == "GET":
        others = [name for name in fields_of(row.request) if name not in in_path]
        parameters += [_parameter(record, name, "query") for name in others]
    else:
        body = _without(record, in_path)
        described["requestBody"] = {
            "required": bool(body.get("required")),
            "content": {"application/json": {"schema": body}},
        }
    return described


def _parameter(record: Json, name: str, place: str) -> Json:
    schema = dict(record["properties"][name])
    described: Json = {"name": name, "in": place, "schema": schema}
    if place == "path":
        described |= {"required": True, "schema": {**schema, "minLength": 1}}
    elif name in record.get("required", ()):
        described["required"] = True
    return described


def _without(record: Json, names: list[str]) -> Json:
    """Return a record's schema without the fields that the path gives."""
    properties = {
        name: schema for name, schema in record["properties"].items() if name not in names
    }
    required = [name for name in record.get("required", ()) if name not in names]
    return record | {
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _success(schema: Json) -> Json:
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _refused() -> Json:
    statuses = sorted({401, 500, *(status for status, _ in STATUS.values())})
    return {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses}


def _refusals(problem: Json) -> Json:
    content = {"application/json": {"schema": problem}}
    said: Json = {
        kind.__name__: {"description": (kind.__doc__ or "").partition("\n")[0], "content": content}
        for kind in STATUS
    }
    said["Unauthenticated"] = {"description": "No token, or one not valid.", "content": content}
    said["Bug"] = {"description": "A bug; the server's log tells of its id.", "content": content}
    return said


def _name(status: int) -> str:
    known = {401: "Unauthenticated", 500: "Bug"}
    known |= {code: kind.__name__ for kind, (code, _) in STATUS.items()}
    return known[status]


def _public_paths() -> Json:
    def plain(summary: str, field: str) -> Json:
        schema = {"type": "object", "properties": {field: {"type": "string"}}}
        return {"get": {"operationId": field, "summary": summary, "security": [],
                        "responses": {"200": _success(schema)}}}  # fmt: skip

    return {
        "/api/health": plain("Tell that the server is up.", "status"),
        "/api/version": plain("Tell the server's version.", "version"),
    }


def _content() -> Json:
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    parameters = [_PROJECT, {"name": "digest", "in": "path", "required": True, "schema": digest}]
    binary: Json = {"application/octet-stream": {"schema": {}}}
    stored = {"type": "object", "properties": {"digest": digest}, "required": ["digest"]}
    put = {
        "operationId": "content.put",
        "summary": "Store content under its BLAKE3 digest.",
        "tags": ["content"],
        "requestBody": {"required": True, "content": binary},
        "responses": {"201": _success(stored), **_refused()},
    }
    get = {
        "operationId": "content.get",
        "summary": "Send content, or the range that is asked for.",
        "tags": ["content"],
        "responses": {
            "200": {"description": "All of it.", "content": binary},
            "206": {"description": "The range.", "content": binary},
            "416": {"$ref": "#/components/responses/Invalid"},
            **_refused(),
        },
    }
    return {"parameters": parameters, "put": put, "get": get}
