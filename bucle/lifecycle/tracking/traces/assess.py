"""Assessments: what people, judges and code say of a trace, kept as the client writes them."""

from collections.abc import Mapping
from typing import Any

from bucle.base.codec import canonical_json
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.traces import store

_KINDS = ("feedback", "expectation", "issue")
_CHANGING = frozenset(
    {"assessment_name", "feedback", "expectation", "rationale", "metadata", "valid"}
)


def assess(scope: Scope, trace: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what somebody says of a trace; what it overrides counts no more.

    Raises:
        Conflict: it brings an id that another assessment of the trace has.
        Invalid: it has no name, or is neither feedback nor an expectation.
        NotFound: there is no such trace, or nothing to override.
    """
    scope.require(Permission.RUN_WRITE, Ref("trace", trace))
    if (id_ := str(said.get("assessment_id") or "")) and _find(scope, trace, id_):
        raise Conflict(f"trace {trace[:100]!r} has an assessment {id_[:100]!r} already")
    if overridden := said.get("overrides"):
        before = get_assessment(scope, trace, str(overridden))
        keep_assessment(scope, trace, before | {"valid": False})
    kept = keep_assessment(scope, trace, said)
    scope.record("trace.assessed", Ref("trace", trace), assessment=kept["assessment_id"])
    return kept


def change_assessment(
    scope: Scope, trace: str, id_: str, said: Mapping[str, Any], names: frozenset[str]
) -> dict[str, Any]:
    """Write some fields of an assessment over what they were; metadata is added key by key.

    Raises:
        Invalid: a field that can not change, feedback of an expectation, or the other way round.
        NotFound: there is no such assessment.
    """
    scope.require(Permission.RUN_WRITE, Ref("trace", trace))
    if names - _CHANGING:
        raise Invalid(f"{sorted(names - _CHANGING)} of an assessment can not change")
    before = get_assessment(scope, trace, id_)
    for kind in names.intersection(_KINDS):
        if kind not in before:
            raise Invalid(f"assessment {id_[:100]!r} is no {kind}; log one beside it")
    new = {name: said[name] for name in names if name in said}
    if "metadata" in new:
        if not isinstance(new["metadata"], dict):
            raise Invalid("the metadata of an assessment are texts by name")
        new["metadata"] = {**(before.get("metadata") or {}), **new["metadata"]}
    kept = keep_assessment(scope, trace, before | new | {"last_update_time": _now(scope)})
    scope.record("trace.assessment_changed", Ref("trace", trace), assessment=id_)
    return kept


def drop_assessment(scope: Scope, trace: str, id_: str) -> None:
    """Remove an assessment, if it is there; what it overrode counts again.

    Raises:
        NotFound: there is no such trace.
    """
    scope.require(Permission.RUN_WRITE, Ref("trace", trace))
    _require_trace(scope, trace)
    gone = _find(scope, trace, id_)
    if gone is not None:
        store.delete_assessment(scope.tx, scope.project, trace, id_)
        if overridden := _find(scope, trace, str(gone.get("overrides") or "")):
            keep_assessment(scope, trace, overridden | {"valid": True})
        scope.record("trace.assessment_removed", Ref("trace", trace), assessment=id_)


def get_assessment(scope: Scope, trace: str, id_: str) -> dict[str, Any]:
    """Return an assessment.

    Raises:
        NotFound: there is no such trace, or it has no such assessment.
    """
    scope.require(Permission.RUN_READ, Ref("trace", trace))
    if found := _find(scope, trace, id_):
        return found
    raise NotFound(f"trace {trace[:100]!r} has no assessment {id_[:100]!r}")


def keep_assessment(scope: Scope, trace: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Write an assessment with what the server adds, for a verb that has asked.

    Raises:
        Invalid: it has no name, or is neither feedback nor an expectation.
        NotFound: there is no such trace.
    """
    _require_trace(scope, trace)
    name = said.get("assessment_name")
    kind = next((kind for kind in _KINDS if isinstance(said.get(kind), dict)), None)
    if not isinstance(name, str) or not name or kind is None:
        raise Invalid("an assessment needs a name, and feedback or an expectation")
    body = {
        "valid": True,
        "create_time": _now(scope),
        "last_update_time": _now(scope),
        **said,
        "assessment_id": said.get("assessment_id") or f"a-{scope.new_id().lower()}",
        "trace_id": trace,
    }
    value = said[kind].get("value")
    row = {
        "trace": trace,
        "id": body["assessment_id"],
        "kind": kind,
        "name": name,
        "value": None if value is None else _as_text(value),
        "number": float(value) if isinstance(value, int | float) else None,
        "body": body,
    }
    store.put_assessment(scope.tx, scope.project, row)
    return body


def _find(scope: Scope, trace: str, id_: str) -> dict[str, Any] | None:
    found = store.find_traces(scope.tx, scope.project, [trace])
    told = found[0].assessments if found else ()
    return next((one for one in told if one["assessment_id"] == id_), None)


def _require_trace(scope: Scope, trace: str) -> None:
    if not store.find_traces(scope.tx, scope.project, [trace]):
        raise NotFound(f"there is no trace {trace[:100]!r} in project {scope.project!r}")


def _as_text(value: object) -> str:
    """Return a value as a search writes it: texts bare, everything else as JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def _now(scope: Scope) -> str:
    return scope.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
