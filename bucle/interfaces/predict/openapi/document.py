"""Write the document: for each deployment the routes that ask it, with its model's columns.

The champion's signature is described; the variants of a deployment take the same columns.
"""

import re
from collections.abc import Sequence

from bucle.base.version import __version__
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.codec import DATATYPES
from bucle.interfaces.predict.openapi import columns, parts
from bucle.interfaces.predict.openapi.columns import Json
from bucle.interfaces.predict.openapi.parts import CSV, JSON, answered_with, refusals

_PREDICTS = (400, 401, 403, 404, 408, 413, 415, 429, 500, 503, 504)
_EXPLAINS = (400, 401, 403, 404, 408, 413, 415, 422, 429, 503, 504)
_SHOWS = (401, 403, 404, 503)
_TEXT: Json = {"type": "string"}
_SCALARS: Json = {"type": "array", "items": columns.SCALAR}


def document_of(served: Sequence[Served], *, is_open: bool, whole: bool) -> Json:
    """Return the document of some deployments; `whole`: with the server's own addresses too."""
    paths: Json = parts.server_paths() if whole else {}
    schemas: Json = {"Problem": parts.PROBLEM, "ProblemV2": parts.PROBLEM_V2}
    names = [one.name for one in served]
    for one in served:
        name = one.name if names.count(one.name) == 1 else f"{one.project}.{one.name}"
        if one.loaded:
            schemas |= _schemas(one, name)
            paths |= _paths(one, name)
    bearer: Json = {"bearer": []}
    title = f"{served[0].name} on Bucle" if len(served) == 1 and not whole else "Bucle model server"
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{}, bearer] if is_open else [bearer],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(served: Served, name: str) -> Json:
    champion = served.loaded[0]
    engine, planned = champion.engine, served.deployment
    views = planned.views_of.get(champion.told, planned.views)
    looked_up = frozenset(feature for view in views for feature in view.features)
    classes = engine.predictor.manifest.classes
    row = columns.row_schema(engine.inputs, looked_up)
    return {
        f"{name}.Row": {**row, "examples": columns.example_rows(engine)},
        f"{name}.Columns": columns.columns_schema(engine.inputs, looked_up),
        f"{name}.Outputs": columns.outputs_schema(engine.outputs, classes),
        f"{name}.Prediction": columns.prediction_schema(engine.outputs, classes),
    }


def _paths(served: Served, name: str) -> Json:
    engine = served.loaded[0].engine
    rows = columns.example_rows(engine)
    key = re.sub(r"\W", "_", name)
    infer = _infer(served, name)
    return {
        f"/predict/{name}": {"post": _predict(name, key, rows)},
        f"/invocations/{name}": {"post": _invoke(name, key, rows)},
        f"/explain/{name}": {"post": _explain(name, key, rows)},
        f"/openapi/{name}.json": {"get": _shown(f"describe_{key}", f"Describe {name}.", {})},
        f"/v2/models/{name}": {"get": _shown(f"metadata_{key}", f"Tell what {name} takes.", {
            "name": _TEXT, "inputs": {"type": "array"}, "outputs": {"type": "array"},
        }, v2=True)},
        f"/v2/models/{name}/ready": {"get": _shown(f"ready_{key}", f"Tell if {name} is ready.", {
            "name": _TEXT, "ready": {"type": "boolean"},
        }, v2=True)},
        f"/v2/models/{name}/infer": {"post": {
            "operationId": f"infer_{key}",
            "summary": f"Predict with {name}, in the Open Inference Protocol.",
            "parameters": [parts.ROUTING_KEY, parts.TIMEOUT],
            **infer,
        }},
    }  # fmt: skip


def _predict(name: str, key: str, rows: Sequence[Json]) -> Json:
    answer: Json = {
        "type": "object",
        "properties": {
            "deployment": _TEXT,
            "model": _TEXT,
            "variant": _TEXT,
            "ids": {"type": "array", "items": _TEXT},
            "outputs": _ref(f"{name}.Outputs"),
        },
        "required": ["deployment", "model", "variant", "ids", "outputs"],
    }
    told = answered_with(answer, "An id and the outputs of every row.")
    told["content"][CSV] = {"schema": _TEXT}
    return {
        "operationId": f"predict_{key}",
        "summary": f"Predict with {name}.",
        "parameters": [parts.ROUTING_KEY, parts.TIMEOUT],
        "requestBody": _rows_body(name, rows),
        "responses": {"200": {**told, "headers": parts.HEADERS}, **refusals(*_PREDICTS)},
    }


def _rows_body(name: str, rows: Sequence[Json]) -> Json:
    row, table = _ref(f"{name}.Row"), _ref(f"{name}.Columns")
    many: Json = {"type": "array", "items": row, "minItems": 1}
    key: Json = {"routing_key": _TEXT}
    schema: Json = {
        "anyOf": [
            row,
            many,
            _object({"rows": many}, key),
            _object({"columns": table}, key),
        ]
    }
    examples: Json = {"rows": {"value": {"rows": list(rows)}}, "row": {"value": rows[0]}}
    return {
        "required": True,
        "content": {
            JSON: {"schema": schema, "examples": examples},
            CSV: {"schema": _TEXT, "examples": {"rows": {"value": _csv(rows)}}},
        },
    }


def _invoke(name: str, key: str, rows: Sequence[Json]) -> Json:
    row, table = _ref(f"{name}.Row"), _ref(f"{name}.Columns")
    many: Json = {"type": "array", "items": row, "minItems": 1}
    split = _object(
        {"data": {"type": "array", "items": _SCALARS, "minItems": 1}},
        {"columns": {"type": "array", "items": _TEXT}, "index": {"type": "array"}},
    )
    params: Json = {"params": {"type": "object"}}
    shapes = [
        _object({"dataframe_split": split}, params),
        _object({"dataframe_records": many}, params),
        _object({"instances": many}, params),
        _object({"inputs": {"anyOf": [table, many]}}, params),
    ]
    answers: Json = {"anyOf": [_ref(f"{name}.Prediction"), {"type": "object"}]}
    answer = _object({"predictions": {"type": "array", "items": answers}}, {})
    told = answered_with(answer, "The prediction of every row.")
    examples: Json = {"records": {"value": {"dataframe_records": list(rows)}}}
    return {
        "operationId": f"invoke_{key}",
        "summary": f"Predict with {name}, as MLflow's models are asked.",
        "parameters": [parts.ROUTING_KEY, parts.TIMEOUT],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"anyOf": shapes}, "examples": examples},
                CSV: {"schema": _TEXT, "examples": {"rows": {"value": _csv(rows)}}},
            },
        },
        "responses": {"200": {**told, "headers": parts.HEADERS}, **refusals(*_PREDICTS)},
    }


def _explain(name: str, key: str, rows: Sequence[Json]) -> Json:
    numbers: Json = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
    row = _object(
        {"base": {"type": "number"}, "output": {"type": "number"}, "contributions": numbers},
        {"class": columns.SCALAR, "others": {"type": "number"}, "standard_errors": numbers},
    )
    whole: Json = {"type": "integer", "minimum": 1}
    answer = _object(
        {
            "deployment": _TEXT,
            "model": _TEXT,
            "variant": _TEXT,
            "method": {"enum": ["trees", "linear", "exact", "sampled"]},
            "space": _TEXT,
            "reference_rows": {"type": "integer"},
            "calls": {"type": "integer"},
            "rows": {"type": "array", "items": row},
        },
        {},
    )
    query = {
        "top": ({**whole, "maximum": 10_000}, "How many columns of each row are named."),
        "calls": ({**whole, "maximum": 500_000}, "How many rows the model may be asked for."),
        "class": (_TEXT, "The class whose output is explained."),
        "version": (_TEXT, "The version that is explained; else the champion's."),
    }
    return {
        "operationId": f"explain_{key}",
        "summary": f"Tell what each column adds to what {name} says.",
        "parameters": [
            {"name": one, "in": "query", "schema": schema, "description": told}
            for one, (schema, told) in query.items()
        ],
        "requestBody": _rows_body(name, rows),
        "responses": {
            "200": answered_with(answer, "What each column adds to each row."),
            **refusals(*_EXPLAINS),
        },
    }


def _infer(served: Served, name: str) -> Json:
    engine = served.loaded[0].engine
    kinds = sorted({DATATYPES.get(field.type, "BYTES") for field in engine.inputs})
    shape: Json = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    tensor = {"name": _TEXT, "shape": shape, "datatype": _TEXT, "data": {"type": "array"}}
    asked = {**tensor, "name": {"enum": [field.name for field in engine.inputs]},
             "shape": {**shape, "minItems": 1, "maxItems": 2},
             "datatype": {"enum": kinds}}  # fmt: skip
    inputs: Json = {"type": "array", "items": _object(asked, {}), "minItems": 1}
    answer = _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": {"type": "array", "items": _object(tensor, {})},
        },
        {"parameters": {"type": "object"}},
    )
    rows = columns.example_rows(engine)
    example: Json = {"inputs": [
        {
            "name": field.name,
            "shape": [len(rows)],
            "datatype": DATATYPES.get(field.type, "BYTES"),
            "data": [row[field.name] for row in rows],
        }
        for field in engine.inputs
    ]}  # fmt: skip
    body = _object({"inputs": inputs}, {"id": _TEXT})
    told = answered_with(answer, "The outputs as tensors.")
    return {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": body, "examples": {"rows": {"value": example}}}},
        },
        "responses": {"200": told, **refusals(*_PREDICTS, v2=True)},
        "description": f"One tensor per column of {name}, or one matrix of all.",
    }


def _shown(identity: str, summary: str, properties: Json, *, v2: bool = False) -> Json:
    schema: Json = {"type": "object", "properties": properties, "required": list(properties)}
    answers = {"200": answered_with(schema, "It is told."), **refusals(*_SHOWS, v2=v2)}
    if "ready" in properties:  # it is told in the same words that it is not
        answers["503"] = answered_with({"type": "object"}, "It is not ready.")
    return {"operationId": identity, "summary": summary, "responses": answers}


def _object(required: Json, optional: Json) -> Json:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _csv(rows: Sequence[Json]) -> str:
    """Return rows as a table; text that needs quotes gets them."""

    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",\r\n]', text) else text

    lines: list[list[object]] = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(",".join(map(cell, line)) + "\n" for line in lines)
