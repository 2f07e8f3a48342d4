"""JSON Schemas of a model's columns, and its example as JSON has it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bucle.interfaces.predict.engines import Array, Engine
from bucle.lifecycle.registry import Field

Json: TypeAlias = dict[str, Any]

_KINDS: dict[str, Json] = {
    "float64": {"type": "number", "format": "double"},
    "int64": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    "bool": {"type": "boolean"},
    "string": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "list<float64>": {"type": "array", "items": {"type": ["number", "null"]}},
}
SCALAR: Json = {"type": ["boolean", "number", "string", "null"]}
_MOST_CLASSES = 100
_EXAMPLE_ROWS = 2


def row_schema(fields: Sequence[Field], looked_up: frozenset[str]) -> Json:
    """Return the schema of a row; columns that a feature view knows may be left out."""
    return {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in fields},
        "required": [field.name for field in fields if field.name not in looked_up],
        # What the model does not take is logged, and features are looked up by it.
        "additionalProperties": SCALAR,
    }


def columns_schema(fields: Sequence[Field], looked_up: frozenset[str]) -> Json:
    """Return the schema of columns by name, each a list of its values."""
    lists = {field.name: {"type": "array", "items": field_schema(field)} for field in fields}
    return {
        "type": "object",
        "properties": lists,
        "required": [name for name in lists if name not in looked_up],
        "additionalProperties": {"type": "array", "items": SCALAR},
    }


def field_schema(field: Field) -> Json:
    """Return the schema of one value that a model takes."""
    schema = dict(_KINDS[field.type])
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema


def outputs_schema(fields: Sequence[Field], classes: Sequence[object]) -> Json:
    """Return the schema of the outputs by name, each a list with one entry per row."""
    lists = {field.name: _output(field, classes) for field in fields}
    return {
        "type": "object",
        "properties": {name: {"type": "array", "items": items} for name, items in lists.items()},
        "required": list(lists),
    }


def prediction_schema(fields: Sequence[Field], classes: Sequence[object]) -> Json:
    """Return the schema of one row's `prediction`, as MLflow's shape answers with it."""
    named = [field for field in fields if field.name == "prediction"]
    return _output(named[0], classes) if named else {"type": "object"}


def example_rows(engine: Engine) -> list[Json]:
    """Return the first rows of the package's own example, as a caller would send them."""
    return rows_of(engine.reference)[:_EXAMPLE_ROWS]


def rows_of(columns: Mapping[str, Array]) -> list[Json]:
    """Return columns of checked values as rows of JSON."""
    lists = {
        name: [_plain(value) for value in column[:_EXAMPLE_ROWS].tolist()]
        for name, column in columns.items()
    }
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _output(field: Field, classes: Sequence[object]) -> Json:
    if field.name == "prediction" and classes and len(classes) <= _MOST_CLASSES:
        return {"enum": list(classes)}
    schema = dict(_KINDS.get(field.type, SCALAR))
    if field.type == "float64":  # JSON has no NaN
        schema["type"] = ["number", "null"]
    return schema


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of any column
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return None
    return f"{value.isoformat()}Z" if hasattr(value, "isoformat") else value
