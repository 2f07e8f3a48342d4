"""The parts of the document that are the same for every model: errors, answers, addresses."""

from bucle.interfaces.predict.openapi.columns import Json

_TEXT: Json = {"type": "string"}
JSON, CSV = "application/json", "text/csv"

PROBLEM: Json = {
    "type": "object",
    "properties": {
        "error": _TEXT,
        "message": _TEXT,
        "hint": _TEXT,
        "id": {**_TEXT, "description": "What to look for in the server's log."},
        "verdicts": {"type": "array", "items": {"type": "object"}},
        "error_code": {**_TEXT, "description": "The same in MLflow's words; at /invocations."},
    },
    "required": ["error", "message"],
}
PROBLEM_V2: Json = {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}

REASONS = {
    400: "The request is wrong; the message names the column, row, line or byte.",
    401: "A token is needed.",
    403: "The token is not valid here.",
    404: "There is no such deployment, version or address.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is encoded in a way that is not read here.",
    422: "The model can not be asked this.",
    429: "The queue is full: come again after Retry-After.",
    500: "The model failed on these rows; a failed prediction is logged too.",
    503: "Nothing can answer right now.",
    504: "The model did not answer in time.",
}

HEADERS: Json = {
    name: {"schema": _TEXT, "description": told}
    for name, told in {
        "bucle-deployment": "The revision that answered.",
        "bucle-model": "The model version that answered.",
        "bucle-variant": "The variant that answered.",
        "bucle-prediction-id": "The id of the first row.",
    }.items()
}

ROUTING_KEY: Json = {
    "name": "bucle-routing-key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
    "description": "Callers with the same key meet the same variant.",
}
TIMEOUT: Json = {
    "name": "bucle-timeout-ms",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": 3_600_000},
    "description": "How long the caller waits.",
}


def answered_with(schema: Json, told: str, kind: str = JSON) -> Json:
    """Return a response."""
    return {"description": told, "content": {kind: {"schema": schema}}}


def refusals(*statuses: int, v2: bool = False) -> Json:
    """Return the responses to what is refused, by status."""
    schema = {"$ref": f"#/components/schemas/{'ProblemV2' if v2 else 'Problem'}"}
    return {str(status): answered_with(schema, REASONS[status]) for status in statuses}


def shown(identity: str, summary: str, answer: Json, *, secured: bool = False) -> Json:
    """Return a `GET` operation."""
    operation: Json = {"operationId": identity, "summary": summary, "responses": {"200": answer}}
    if secured:
        operation["responses"] |= refusals(401, 403)
    else:
        operation["security"] = []
    return {"get": operation}


def server_paths() -> Json:
    """Return the addresses that are of no single deployment."""
    anything: Json = {"type": "object"}
    health = answered_with(anything, "What is served, and what is wrong.")
    ready = shown("ready", "Tell whether the server has read its plans.", health)
    ready["get"]["responses"]["503"] = health
    ping = shown("ping", "Tell whether every deployment is loaded.", {"description": "It is."})
    ping["get"]["responses"]["503"] = {"description": "It is not."}
    live: Json = {
        "type": "object",
        "properties": {"live": {"const": True}},
        "required": ["live"],
    }
    about: Json = {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "version": _TEXT,
            "extensions": {"type": "array", "items": _TEXT},
        },
        "required": ["name", "version", "extensions"],
    }
    flush: Json = {
        "operationId": "flush",
        "summary": "Hand the prediction log over now.",
        "responses": {
            "200": answered_with(anything, "How the log is now."),
            **refusals(401, 403, 503),
        },
    }
    document = answered_with(anything, "The document.")
    metrics = answered_with(_TEXT, "Prometheus's text format.", "text/plain; version=0.0.4")
    return {
        "/health": shown("health", "Tell what is served and what is wrong.", health),
        "/ping": ping,
        "/version": shown(
            "version", "Tell the server's version.", {"description": "The version, as text."}
        ),
        "/metrics": shown("metrics", "Show what is counted.", metrics),
        "/openapi.json": shown("openapi", "Describe the server.", document, secured=True),
        "/admin/flush": {"post": flush},
        "/v2": shown("v2", "Tell which protocol is spoken.", answered_with(about, "About it.")),
        "/v2/health/live": shown(
            "v2_live", "Tell that the server runs.", answered_with(live, "It does.")
        ),
        "/v2/health/ready": {"get": {**ready["get"], "operationId": "v2_ready"}},
    }
