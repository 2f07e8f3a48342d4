"""What the Open Inference Protocol says its responses look like, as JSON Schema.

Written from the names, types and required fields of the protocol's OpenAPI document
(specification/protocol/open_inference_rest.yaml of kserve/open-inference-protocol); the part on
bytes is from the binary tensor extension, the index from the model repository extension.
"""

from typing import Any

_TEXT = {"type": "string"}
_TENSOR_METADATA = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": _TEXT,
        "datatype": {
            "enum": ["BOOL", "BYTES", *(f"{sign}INT{bits}" for sign in ("", "U")
                                        for bits in (8, 16, 32, 64)), "FP16", "FP32", "FP64"],
        },
        "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
    },
}  # fmt: skip
_OUTPUT = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        **_TENSOR_METADATA["properties"],  # type: ignore[dict-item]
        "data": {"type": "array", "items": {"type": ["number", "string", "boolean", "null"]}},
        "parameters": {
            "type": "object",
            "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
        },
    },
    "oneOf": [
        {"required": ["data"]},
        {"required": ["parameters"],
         "properties": {"parameters": {"required": ["binary_data_size"]}}},
    ],
}  # fmt: skip
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}
SERVER: dict[str, Any] = {
    "type": "object",
    "required": ["name", "version", "extensions"],
    "properties": {
        "name": _TEXT,
        "version": _TEXT,
        "extensions": {"type": "array", "items": _TEXT},
    },
    "additionalProperties": False,
}
MODEL: dict[str, Any] = {
    "type": "object",
    "required": ["name", "platform"],
    "properties": {
        "name": _TEXT,
        "platform": _TEXT,
        "versions": {"type": "array", "items": _TEXT},
        "inputs": {"type": "array", "items": _TENSOR_METADATA},
        "outputs": {"type": "array", "items": _TENSOR_METADATA},
    },
}
INFERENCE: dict[str, Any] = {
    "type": "object",
    "required": ["model_name", "outputs"],
    "properties": {
        "model_name": _TEXT,
        "model_version": _TEXT,
        "id": _TEXT,
        "parameters": {"type": "object"},
        "outputs": {"type": "array", "items": _OUTPUT},
    },
    "additionalProperties": False,
}
INDEX: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT},
        "additionalProperties": False,
    },
}
