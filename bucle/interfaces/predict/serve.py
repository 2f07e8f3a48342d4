"""Answer requests: everything that a model server does, without a network protocol.

A request's path through the house: name -> deployment on the board -> columns -> variant ->
engine -> ids -> log -> answer.  The log is written before the answer leaves.
"""

import random
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import msgspec

from bucle.base.clock import Clock
from bucle.base.errors import Invalid
from bucle.interfaces.predict import codec
from bucle.interfaces.predict.board import Board, Loaded, Served
from bucle.interfaces.predict.codec import Answer, Call
from bucle.interfaces.predict.engines import ModelError
from bucle.interfaces.predict.enrich import FeatureReader
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import Counts, Metrics
from bucle.interfaces.predict.wal import Answers, LoggedField, Source

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ROWS_LIMIT = 100_000


class FailedPrediction(Exception):  # noqa: N818 - an outcome that is answered with status 500
    """The model failed on rows that were logged under these ids."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.message = message
        self.answer = answer


class _Book(msgspec.Struct):
    """Where a variant of a deployment's revision is counted and logged."""

    source: int
    counts: Counts


class Predictions:
    """The part of a model server that predicts; used from the event loop's thread."""

    def __init__(
        self, *, clock: Clock, log: PredictionLog, metrics: Metrics, features: FeatureReader
    ) -> None:
        self._clock = clock
        self._features = features
        self._log = log
        self._metrics = metrics
        self._ids = PredictionIds()
        self._rng = random.Random()  # noqa: S311 - it splits traffic, it keeps no secret
        self._books: dict[tuple[str, str, str], _Book] = {}

    def now(self) -> datetime:
        """Return the installation's time."""
        return self._clock.now()

    async def answer(self, served: Served, call: Call, routing_key: str) -> Answer:
        """Let a variant answer rows that were decoded already, in whatever form they came."""
        start = perf_counter()
        loaded = served.choose(routing_key or call.routing_key, self._rng)
        return await self._predict(served, loaded, call, start)

    async def infer(
        self, served: Served, version: str | None, body: bytes, routing_key: str
    ) -> tuple[Answer, bytes]:
        """Answer an inference request of the open protocol."""
        start = perf_counter()
        # The variants of a deployment take the same columns: the champion's read the request.
        loaded = served.version(version) if version else served.choose("", self._rng)
        call = codec.decode_infer(body, loaded.engine.inputs)
        key = routing_key or call.routing_key
        if key and not version:
            loaded = served.choose(key, self._rng)
        answer = await self._predict(served, loaded, call, start, pinned=version is not None)
        encoded = codec.encode_infer(answer, call, served.name, loaded.engine.outputs)
        return answer, encoded

    async def _predict(
        self, served: Served, loaded: Loaded, call: Call, start: float, *, pinned: bool = False
    ) -> Answer:
        """Let a variant answer; where a canary can not, the champion does.

        A canary's failure is logged under the canary, so that its rollout sees it, and hurts
        no caller who did not ask for that very version.
        """
        if call.count > _ROWS_LIMIT:
            raise Invalid(
                f"{call.count} rows in one request; {_ROWS_LIMIT} are allowed",
                hint="split them over several requests",
            )
        champion = served.loaded[0]
        asked, planned = call, served.deployment
        views = planned.views_of.get(loaded.told, planned.views)
        if views:
            call = await self._features.fill(views, loaded.engine.inputs, asked)
        try:
            outputs = await loaded.engine.predict(call.columns)
        except (ModelError, Invalid) as error:
            if loaded is not champion and not pinned:
                answer = await self._predict(served, champion, asked, perf_counter())
                self._note(served, loaded, call, perf_counter() - start, failure=str(error))
                return answer
            if isinstance(error, Invalid):
                raise
            answer = self._note(served, loaded, call, perf_counter() - start, failure=str(error))
            raise FailedPrediction(str(error), answer) from error
        return self._note(served, loaded, call, perf_counter() - start, outputs=outputs)

    def _note(
        self,
        served: Served,
        loaded: Loaded,
        call: Call,
        latency_s: float,
        *,
        outputs: dict[str, list[Any]] | None = None,
        failure: str = "",
    ) -> Answer:
        """Give the rows their ids, count them and log them."""
        now = self._clock.now()
        answer = Answer(
            deployment=served.told,
            model=loaded.told,
            variant=loaded.variant.role,
            ids=self._ids.take(now, call.count),
            outputs=outputs or {},
        )
        book = self._book(served, loaded, answer)
        book.counts.add(call.count, latency_s, failed=bool(failure))
        self._log.append(
            Answers(
                source=book.source,
                at_us=(now - _EPOCH) // _MICROSECOND,
                latency_us=int(latency_s * 1e6),
                ids=answer.ids,
                columns=call.columns,
                outputs=answer.outputs,
                error=failure,
            ),
            self._ids.epoch,
        )
        return answer

    def _book(self, served: Served, loaded: Loaded, answer: Answer) -> _Book:
        key = (served.project, answer.deployment, answer.model)
        if book := self._books.get(key):
            return book
        source = Source(
            number=0,
            project=served.project,
            deployment=answer.deployment,
            model=answer.model,
            variant=answer.variant,
            inputs=_logged(loaded.engine.inputs),
            outputs=_logged(loaded.engine.outputs),
        )
        book = _Book(
            source=self._log.source(source),
            counts=self._metrics.counts(served.project, served.name, answer.model, answer.variant),
        )
        self._books[key] = book
        return book


def _logged(fields: tuple[Any, ...]) -> tuple[LoggedField, ...]:
    return tuple(LoggedField(field.name, field.type) for field in fields)


def headers_of(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """Return who answered, for callers that keep headers only."""
    return (
        (b"bucle-deployment", answer.deployment.encode("ascii", "replace")),
        (b"bucle-model", answer.model.encode("ascii", "replace")),
        (b"bucle-variant", answer.variant.encode()),
        (b"bucle-prediction-id", answer.ids[0].encode()),
    )


def metadata_of(board: Board, served: Served) -> dict[str, Any]:
    """Return the open protocol's model metadata, and what is ours under `parameters`."""
    engine = served.loaded[0].engine if served.loaded else None
    return {
        "name": served.name,
        "versions": [str(one.variant.model.version) for one in served.loaded],
        "platform": f"bucle_{engine.flavor}" if engine else "",
        "inputs": codec.describe(engine.inputs) if engine else [],
        "outputs": codec.describe(engine.outputs) if engine else [],
        "parameters": {
            "project": served.project,
            "deployment": str(served.deployment.ref),
            "planned": str(_planned(board, served)),
            "problem": served.problem,
            "variants": [
                {
                    "role": one.variant.role,
                    "model": str(one.variant.model),
                    "weight": one.variant.weight,
                    "manifest": one.variant.manifest,
                }
                for one in served.loaded
            ],
        },
    }


def _planned(board: Board, served: Served) -> object:
    plan = board.plans[served.project]
    refs = [item.ref for item in plan.deployments if item.ref.name == served.name]
    return refs[0] if refs else ""
