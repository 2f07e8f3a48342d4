"""Explain rows beside the predictions: in one thread, few at a time, with limits of their own.

An explanation may ask the model for thousands of rows.  It must not make predictions wait, so one
runs at a time, few may wait, and one that takes too long is given up.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bucle.base.errors import Invalid, Refused
from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.codec import Call
from bucle.interfaces.predict.engines import Array, Engine, ModelError
from bucle.interfaces.predict.enrich import FeatureReader, Filler
from bucle.interfaces.predict.metrics import quoted
from bucle.interfaces.predict.overload import Overloaded
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Explanation, Wish

ROWS_LIMIT = 100
CALLS_LIMIT = 500_000
WAITING_LIMIT = 8
ANSWER_LIMIT_S = 30.0
RETRY_S = 5.0


class Counted(msgspec.Struct):
    """What was explained of one deployment in one way."""

    requests: int = 0
    rows: int = 0
    calls: int = 0
    seconds: float = 0.0


class Explanations:
    """The part of a model server that explains; used from the event loop's thread."""

    def __init__(self, features: FeatureReader) -> None:
        self._features = features
        self._thread = ThreadPoolExecutor(1, "bucle-explain")
        self._waiting = 0
        self.counted: dict[tuple[str, str, str], Counted] = {}

    async def explain(self, served: Served, loaded: Loaded, call: Call, wish: Wish) -> Explanation:
        """Explain rows in the thread.

        Raises:
            Invalid: more rows than one request may have, or not what the model takes.
            Refused: the model answers no numbers, or fails on a mixture of rows.
            Overloaded: too many explanations wait.
            TimeoutError: it took longer than half a minute.
        """
        if call.count > ROWS_LIMIT:
            raise Invalid(
                f"{call.count} rows in one request; {ROWS_LIMIT} can be explained at once",
                hint="split them over several requests",
            )
        if self._waiting >= WAITING_LIMIT:
            told = f"{self._waiting} explanations wait already"
            raise Overloaded("full", told, RETRY_S)
        planned, engine = served.deployment, loaded.engine
        views = planned.views_of.get(loaded.told, planned.views)
        filler = Filler(self._features, views, engine.inputs) if views else None
        if filler is not None:
            filler.check(call.columns)
        asked = _Asked(engine, call, filler, wish, monotonic() + ANSWER_LIMIT_S)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, _explain, asked)
        finally:
            self._waiting -= 1
        key = (served.project, served.name, found.method)
        counted = self.counted.setdefault(key, Counted())
        counted.requests += 1
        counted.rows += call.count
        counted.calls += found.calls
        counted.seconds += monotonic() - asked.until_s + ANSWER_LIMIT_S
        return found

    def lines(self) -> Iterator[str]:
        """Yield what Prometheus reads of it."""
        told = {
            "requests": ("bucle_predict_explanations_total", "Explanations given, by method."),
            "rows": ("bucle_predict_explained_rows_total", "Rows explained."),
            "calls": ("bucle_predict_explanation_calls_total", "Rows models were asked for."),
            "seconds": ("bucle_predict_explanation_seconds_total", "Time, with the wait."),
        }
        for field, (name, help_text) in told.items():
            yield f"# HELP {name} {help_text}"
            yield f"# TYPE {name} counter"
            for (project, deployment, method), counted in self.counted.items():
                labels = {"project": project, "deployment": deployment, "method": method}
                pairs = ",".join(f'{key}="{quoted(value)}"' for key, value in labels.items())
                yield f"{name}{{{pairs}}} {getattr(counted, field):g}"

    def close(self) -> None:
        """End the thread when what it does is done."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def wish_of(asked: Mapping[str, str], classes: Sequence[object]) -> Wish:
    """Read what is to be explained.

    Raises:
        Invalid: the number of calls is no number within the limit.
    """
    calls = _whole(asked, "calls", CALLS_LIMIT) or Wish().calls
    named = asked.get("class")
    # Classes may be numbers; in an address they are text.
    known = {_text(name): name for name in classes}
    of = None if named is None else known.get(named, named)
    return Wish(of=of, calls=calls)  # type: ignore[arg-type]  # a class is text, number or bool


def top_of(asked: Mapping[str, str]) -> int:
    """Read how many columns are named in each row; 0: all."""
    return _whole(asked, "top", 10_000)


def row_of(found: Explanation, place: int, top: int) -> dict[str, Any]:
    """Return what is said of one row, the column that adds or takes most first."""
    added = found.contributions[place]
    order = np.argsort(-np.abs(added), kind="stable")
    shown = order[:top] if top else order
    row = {
        "base": float(found.base[place]),
        "output": float(found.outputs[place]),
        "contributions": {found.names[at]: float(added[at]) for at in shown},
    }
    if found.classes[place] is not None:
        row = {"class": found.classes[place], **row}
    if len(shown) < len(order):
        row["others"] = float(added[order[len(shown) :]].sum())
    if found.errors is not None:
        errors = found.errors[place]
        row["standard_errors"] = {found.names[at]: float(errors[at]) for at in shown}
    return row


class _Asked(NamedTuple):
    engine: Engine
    call: Call
    filler: Filler | None  # None: the model was trained on no feature views
    wish: Wish
    until_s: float


def _explain(asked: _Asked) -> Explanation:
    engine = asked.engine

    def ask(mixed: Mapping[str, Array]) -> dict[str, Array]:
        if monotonic() > asked.until_s:
            raise TimeoutError
        return engine.call_arrays(mixed)

    columns = asked.call.columns
    if asked.filler is not None:
        columns = asked.filler(columns, asked.call.count)
    checked = engine.checked(columns)
    try:
        return registry.explain(engine.predictor, ask, checked, engine.reference, asked.wish)
    except ModelError as error:
        raise Refused(
            f"the model could not be asked about these rows: {error}",
            hint="POST /predict/<deployment> tells what it says of the rows themselves",
        ) from error


def _whole(asked: Mapping[str, str], name: str, most: int) -> int:
    text = asked.get(name, "")
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:9]) <= most:
        raise Invalid(f"{name}={text[:40]!r} is no number from 1 to {most}", hint=f"?{name}=5")
    return int(text)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
