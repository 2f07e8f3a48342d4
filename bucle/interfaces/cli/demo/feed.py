"""The demo's eyes: it reads the audit's events, and says in a line what each of them means."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.audit.records import Event
from bucle.governance.session import Session
from bucle.interfaces.cli.demo.words import text

_WHY_LENGTH = 150


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One event in words."""

    at: str
    type: str
    line: str


class Feed:
    """Reads each event once, from where it was left."""

    def __init__(self, session: Session, language: str) -> None:
        self._session = session
        self._language = language
        self._number = 0
        self.alerts: dict[str, str] = {}  # alert -> its cause, while it is open
        self.retrainings = 0

    def read(self) -> list[Note]:
        """Return what happened since the last time, for people."""
        notes: list[Note] = []
        while True:
            with self._session.begin(write=False) as scope:
                events = events_after(scope, self._number)
            if not events:
                return notes
            self._number = events[-1].number
            for event in events:
                self._count(event)
                line = line_of(event, self._language)
                if line:
                    notes.append(Note(at=f"{event.at:%Y-%m-%d}", type=event.type, line=line))

    def _count(self, event: Event) -> None:
        if event.type == "alert.raised":
            self.alerts[event.ref] = str(event.body.get("cause", ""))
        elif event.type == "alert.closed":
            self.alerts.pop(event.ref, None)
        elif event.type == "trigger.fired":
            self.retrainings += 1


def line_of(event: Event, language: str) -> str:
    """Return what an event means to a person; empty where it is only machinery."""
    tell = _TELLERS.get(event.type)
    if tell is None or not _matters(event):
        return ""
    key = "failed" if event.type.endswith(".failed") else event.type
    return text(key, language, **tell(event.body, event.ref.partition(":")[2]))


def _matters(event: Event) -> bool:
    """Tell whether a person would want to know; a run that made something speaks by that."""
    if event.type == "pipeline.finished":
        return not event.body.get("finished")
    return bool(event.body.get("alias", "champion") == "champion")


def against(body: Mapping[str, Any]) -> str:
    """Return what the verdicts say against something."""
    bad = [verdict for verdict in body.get("verdicts", ()) if not verdict["ok"]]
    return "; ".join(f"{verdict['name']}: {verdict['note']}" for verdict in bad)


def compared(body: Mapping[str, Any]) -> str:
    """Return how a version compares with the champion."""
    named = [one for one in body.get("verdicts", ()) if "champion" in one["name"]]
    return "; ".join(f"{one['name'].split()[0]} {one['note'].partition(';')[0]}" for one in named)


def version_of(ref: str) -> str:
    """Return a model's version as people say it: `v3`."""
    return f"v{Ref.parse(ref).version}"


def _short(said: object) -> str:
    line = str(said).strip().replace("\n", " ")
    return line if len(line) <= _WHY_LENGTH else line[: _WHY_LENGTH - 3] + "..."


def _rollout(body: Mapping[str, Any], _: str) -> dict[str, object]:
    return {
        "model": str(body.get("model", "")).partition(":")[2],
        "share": f"{float(body.get('weight') or 0):.0%}",
        "why": _short(body.get("reason", "")),
    }


def _alert(body: Mapping[str, Any], _: str) -> dict[str, object]:
    return {"cause": body.get("cause", ""), "why": _short(body.get("summary", ""))}


def _failure(body: Mapping[str, Any], ref: str) -> dict[str, object]:
    return {"ref": ref, "why": _short(body.get("error", ""))}


def _accepted(body: Mapping[str, Any], ref: str) -> dict[str, object]:
    found = compared(body)
    return {"model": ref, "why": f": {found}" if found else ""}


# event -> what its sentence says, of its body and of the name of its ref
_TELLERS: Mapping[str, Callable[[Mapping[str, Any], str], dict[str, object]]] = {
    "trigger.fired": lambda body, ref: {"name": ref, "cause": _short(body.get("cause", ""))},
    "model.registered": lambda _, ref: {"model": ref},
    "model.accepted": _accepted,
    "model.refused": lambda body, ref: {"model": ref, "why": _short(against(body))},
    "model.promoted": lambda body, ref: {"model": ref, "why": _short(body.get("reason", ""))},
    "rollout.started": _rollout,
    "rollout.advanced": _rollout,
    "rollout.aborted": _rollout,
    "alert.raised": _alert,
    "alert.closed": _alert,
    "pipeline.finished": lambda _, ref: {"ref": ref},
    "job.failed": _failure,
    "pipeline.failed": _failure,
}
