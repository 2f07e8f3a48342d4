"""The calls about assessments: what is said of a trace, as the client writes it."""

import re
from typing import Any

import msgspec

from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.lifecycle.tracking import traces

_HUMP = re.compile(r"([A-Z])")


class Assess(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of which trace."""

    trace_id: str
    assessment: dict[str, Any]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Which fields of an assessment change, and to what."""

    trace_id: str
    assessment_id: str
    assessment: dict[str, Any]
    update_mask: str = ""  # the fields' names, joined by commas


class OfAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """Which assessment of which trace."""

    trace_id: str
    assessment_id: str


class OneAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is one assessment."""

    assessment: dict[str, Any]


def _create(session: Session, asked: Assess) -> OneAssessment:
    with session.begin() as scope:
        return OneAssessment(assessment=traces.assess(scope, asked.trace_id, asked.assessment))


def _get(session: Session, asked: OfAssessment) -> OneAssessment:
    with session.begin(write=False) as scope:
        found = traces.get_assessment(scope, asked.trace_id, asked.assessment_id)
    return OneAssessment(assessment=found)


def _change(session: Session, asked: Change) -> OneAssessment:
    names = frozenset(_snake(name) for name in asked.update_mask.split(",") if name)
    with session.begin() as scope:
        kept = traces.change_assessment(
            scope, asked.trace_id, asked.assessment_id, asked.assessment, names
        )
    return OneAssessment(assessment=kept)


def _drop(session: Session, asked: OfAssessment) -> None:
    with session.begin() as scope:
        traces.drop_assessment(scope, asked.trace_id, asked.assessment_id)


def _snake(name: str) -> str:
    return _HUMP.sub(lambda hump: f"_{hump[1].lower()}", name)


_ALL = "mlflow/traces/{trace_id}/assessments"
_ONE = f"{_ALL}/{{assessment_id}}"
ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path=_ALL, version="3.0", request=Assess, handle=_create),
    Endpoint(method="GET", path=_ONE, version="3.0", request=OfAssessment, handle=_get),
    Endpoint(method="PATCH", path=_ONE, version="3.0", request=Change, handle=_change),
    Endpoint(method="DELETE", path=_ONE, version="3.0", request=OfAssessment, handle=_drop),
)
