"""Score the events of a topic: each of them gives one prediction, also if this is killed.

Before a batch of events is scored, its bounds, its moment and its ids are written down; after its
predictions are out, that they are.  Whoever goes on after a kill finds the batch, looks in the
output topic which of its predictions are there, and writes the others under the same ids; in the
prediction log it writes over what is there.
"""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.codec import convert, to_builtins
from bucle.base.errors import Conflict, Refused
from bucle.base.ids import counted_on
from bucle.base.refs import Ref
from bucle.drivers.streams import LONGEST_BYTES, Record
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import registry
from bucle.lifecycle.features import OnlineView
from bucle.lifecycle.features.transport.lease import following
from bucle.lifecycle.features.transport.rows import read_events
from bucle.lifecycle.features.transport.send import topic_of
from bucle.lifecycle.serving.resolve import REFUSED
from bucle.lifecycle.serving.scoring import store
from bucle.lifecycle.serving.scoring.check import check_scoring
from bucle.lifecycle.serving.scoring.records import Position, ScoringSpec, Streamed
from bucle.lifecycle.serving.scoring.rows import Told, predict_rows, views_of
from bucle.lifecycle.serving.scoring.segment_of import Log, log_of, logged_columns, put_segment
from bucle.lifecycle.serving.segments import FRAME

_KIND = "stream"
_EVENTS_AT_ONCE = 1_000


class _Scorer(msgspec.Struct, frozen=True, kw_only=True):
    """All that a batch needs."""

    spec: ScoringSpec
    model: registry.ModelVersion
    predictor: registry.Predictor
    views: list[OnlineView]
    log: Log | None  # None: predictions go to a topic only
    about: Ref  # what the lease and the reasons name


class _Batch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events, and what is said of them."""

    ids: list[str]
    positions: list[str]
    told: Told


def score_topic(session: Session, spec: ScoringSpec, *, wait_s: float = 0) -> Streamed:
    """Score the events of a topic up to the end, and those that come while it waits.

    It ends when no event came for `wait_s` seconds.  An event that the model does not take gives
    an output that says why.

    Raises:
        NotFound: no such model, or deployment to log to.
        Invalid: the specification makes no sense.
        Refused: the version's gates said no, or its package was changed.
        Conflict: another process scores these events.
        Unavailable: the stream store or the blob store does not answer.
    """
    check_scoring(spec)
    scorer = _opened(session, spec)
    source = topic_of(session, spec.topic)
    events = failed = 0
    try:
        with following(session, scorer.about) as lease:
            position = _position(session, spec)
            while records := session.drivers.streams.read(
                source, position.after, _EVENTS_AT_ONCE, wait_s
            ):
                lease.keep()
                batch, position, written = _score(session, scorer, records, position)
                events += len(batch.ids)
                failed += sum(1 for error in batch.told.errors if error)
                position = _finish(session, scorer, position, written, batch.ids)
    finally:
        scorer.predictor.close()
    return Streamed(
        topic=spec.topic, model=scorer.model.ref, position=position.after,
        events=events, failed=failed,
    )  # fmt: skip


def _opened(session: Session, spec: ScoringSpec) -> _Scorer:
    with session.begin(write=False) as scope:
        about = Ref("topic", spec.topic, spec.name)
        scope.require(Permission.SERVING_WRITE, about)
        model = registry.get_version(scope, Ref.parse(spec.model, kind="model"))
        inputs = registry.manifest_of(scope.drivers, model.manifest).signature.inputs
        views = views_of(scope, model, inputs)
    if model.status == REFUSED:
        raise Refused(
            f"{model.ref} was refused by its gates and scores nothing",
            hint=f"bucle registry history {model.ref.name}",
        )
    log = None
    if spec.log:
        with session.begin() as scope:
            log = log_of(scope, spec.log)
    predictor = registry.open_version(session, model)
    return _Scorer(spec=spec, model=model, predictor=predictor, views=views, log=log, about=about)


def _score(
    session: Session, scorer: _Scorer, records: list[Record], position: Position
) -> tuple[_Batch, Position, str]:
    """Score a batch and put its predictions out; return how far that came."""
    start, drivers = perf_counter(), session.drivers
    there: frozenset[str] = frozenset()
    if position.upto:  # somebody was cut off: the same events, again
        records = [one for one in records if one.position <= position.upto]
        there, written = _found(session, scorer.spec, position.written)
    else:
        written = position.written
        position = _begin(session, scorer, position, records[-1].position)
    read = read_events(records, str(scorer.about))
    places = [place for place in range(len(records)) if place not in read.foreign]
    told = _said(session, scorer, [read.events[place] for place in places])
    for place, reason in read.reasons.items():
        told.errors[places.index(place)] = reason
    batch = _Batch(
        ids=counted_on(position.first_id, len(places)),
        positions=[records[place].position for place in places],
        told=told,
    )
    if scorer.log and places:
        signature = scorer.predictor.signature
        columns = logged_columns(scorer.log, told, signature.inputs, signature.outputs)
        took_us = round((perf_counter() - start) * 1e6 / len(places))
        columns |= {
            "at": pa.repeat(position.at_us, len(places)).cast(FRAME.field("at").type),
            "latency_us": pa.repeat(took_us, len(places)),
        }
        about = (scorer.spec.name, scorer.model.ref)
        put_segment(drivers.blobs, scorer.log, about, batch.ids, columns)
    values = [*_values(scorer, batch, there)]
    if values:
        written = drivers.streams.append(topic_of(session, scorer.spec.output), values)
    return batch, position, written


def _said(session: Session, scorer: _Scorer, events: Sequence[dict[str, Any] | None]) -> Told:
    """Return what the model says of events; a broken one is told by whoever read it."""
    good = [place for place, event in enumerate(events) if event is not None]
    told = predict_rows(
        scorer.predictor, session.drivers, scorer.views, [events[place] or {} for place in good]
    )
    rows: list[dict[str, Any]] = [{} for _ in events]
    errors = [""] * len(events)
    outputs = {name: [None] * len(events) for name in told.outputs}
    for number, place in enumerate(good):
        rows[place], errors[place] = told.rows[number], told.errors[number]
        for name, values in told.outputs.items():
            outputs[name][place] = values[number]
    return Told(rows=rows, outputs=outputs, errors=errors)


def _values(scorer: _Scorer, batch: _Batch, there: frozenset[str]) -> Iterator[bytes]:
    """Yield the predictions of a batch as events of the output topic, but for those in it."""
    spec, told = scorer.spec, batch.told
    for place, position in enumerate(batch.positions):
        if not spec.output or position in there:
            continue
        said: dict[str, Any] = {
            "id": batch.ids[place],
            "scoring": spec.name,
            "position": position,
            "model": str(scorer.model.ref),
        }
        if told.errors[place]:
            said["error"] = told.errors[place]
        else:
            said |= {name: values[place] for name, values in told.outputs.items()}
        row = told.rows[place]
        kept = {name: row[name] for name in spec.columns if name in row} if spec.columns else row
        value = msgspec.json.encode(said | {"event": kept})
        yield value if len(value) <= LONGEST_BYTES else msgspec.json.encode(said)


def _position(session: Session, spec: ScoringSpec) -> Position:
    with session.begin(write=False) as scope:
        found = store.find_state(scope.tx, scope.project, _KIND, spec.name)
    return convert(found, Position) if found else Position()


def _begin(session: Session, scorer: _Scorer, position: Position, upto: str) -> Position:
    """Write down what is about to be scored, under which ids."""
    with session.begin() as scope:
        first = scope.new_id()
        if first <= position.last_id:
            first = counted_on(position.last_id, 2)[1]
        begun = Position(
            after=position.after,
            written=position.written,
            first_id=first,
            last_id=position.last_id,
            upto=upto,
            at_us=int(scope.now.timestamp() * 1_000_000),
        )
        _move(scope, scorer.spec, position, begun)
    return begun


def _finish(
    session: Session, scorer: _Scorer, position: Position, written: str, ids: Sequence[str]
) -> Position:
    """Write down that the predictions of a batch are out, and tell who follows them."""
    last = ids[-1] if ids else position.last_id
    done = Position(after=position.upto, written=written, last_id=last)
    with session.begin() as scope:
        _move(scope, scorer.spec, position, done)
        if scorer.spec.output and written != position.written:
            out = Ref("topic", scorer.spec.output)
            scope.record("topic.extended", out, events=len(ids), position=written)
    return done


def _move(scope: Scope, spec: ScoringSpec, before: Position, after: Position) -> None:
    """Write a position over the one that was seen.

    Raises:
        Conflict: another process moved it meanwhile.
    """
    found = store.find_state(scope.tx, scope.project, _KIND, spec.name, lock=True)
    if (found or to_builtins(Position())) != to_builtins(before):
        raise Conflict(
            f"another process scores the events of topic:{spec.topic} for {spec.name!r}",
            hint=f"bucle serving stream {spec.topic} {spec.model}",
        )
    store.put_state(scope.tx, scope.project, (_KIND, spec.name), after, scope.now)


def _found(session: Session, spec: ScoringSpec, after: str) -> tuple[frozenset[str], str]:
    """Return the events whose predictions are out already, and where the last of them stands."""
    there: set[str] = set()
    if not spec.output:
        return frozenset(), after
    name = topic_of(session, spec.output)
    while records := session.drivers.streams.read(name, after, _EVENTS_AT_ONCE):
        after = records[-1].position
        for record in records:
            try:
                said = msgspec.json.decode(record.value)
            except msgspec.DecodeError:
                continue
            if isinstance(said, dict) and said.get("scoring") == spec.name:
                there.add(str(said.get("position")))
    return frozenset(there), after
