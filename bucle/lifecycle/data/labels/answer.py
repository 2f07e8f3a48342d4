"""Take an item in hand, answer it, skip it, undo the last answer, settle what others disagree on.

Whoever takes or answers holds the queue for that moment, so that no item is in more hands than
it wants answers.
"""

from datetime import timedelta
from typing import Any

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.make import get_queue, item_of
from bucle.lifecycle.data.labels.records import (
    Answer,
    Lease,
    Progress,
    Question,
    Queue,
    Span,
)

ADJUDICATOR = "adjudicated by "


def next_item(session: Session, name: str) -> Lease | None:
    """Take the next item in hand, or the one that is; None: nothing is left for this labeller.

    Raises:
        NotFound: there is no such queue.
        Denied: the caller is none of its labellers.
    """
    while True:
        with session.begin() as scope:
            queue = _queue(scope, name)
            spec, tx, project, me = queue.spec, scope.tx, scope.project, scope.actor.name
            store.take_turn(tx, project, spec.name)
            number = store.find_lease(tx, project, spec.name, me, scope.now)
            if number is None:
                number = store.next_item(
                    tx, project, spec.name, labeller=me, wanted=spec.answers, now=scope.now
                )
                if number is None:
                    return None
                scope.record("labelling.taken", queue.ref, item=number)
            until = scope.now + timedelta(seconds=spec.lease_s)
            store.set_lease(tx, project, spec.name, number, labeller=me, until=until)
            found = store.find_item(tx, project, spec.name, number)
            assert found is not None
            done = store.count_answers(tx, project, spec.name, me)
        item = item_of(session, queue, number, found[0])
        if item is not None:
            return Lease(
                queue=queue.ref, item=item, question=spec.question, labeller=me, until=until,
                done=done,
            )  # fmt: skip
        with session.begin() as scope:  # its row was erased: nothing is to be asked
            store.remove_items(scope.tx, scope.project, spec.name, [number])


def answer(scope: Scope, name: str, item: int, value: Any) -> Answer:  # noqa: ANN401 - as the question's kind has it
    """Answer an item: one that is in hand, or that still wants an answer.

    Raises:
        Invalid: the value is no answer to the question.
        Conflict: the labeller answered it before, or it has all answers that it wants.
        NotFound: there is no such item.
    """
    queue = _queue(scope, name)
    checked = check_value(queue.spec.question, value)
    return _given(scope, queue, _made(scope, item, value=checked))


def skip(scope: Scope, name: str, item: int, *, reason: str) -> Answer:
    """Pass an item over, and say why; it goes to others.

    Raises:
        Invalid: nobody says why.
        Conflict: see `answer`.
    """
    if not reason.strip():
        raise Invalid("what is skipped has a reason", hint='--reason "not readable"')
    return _given(scope, _queue(scope, name), _made(scope, item, skipped=reason))


def undo(scope: Scope, name: str) -> Answer:
    """Take the caller's last answer back, and the item in hand again.

    Raises:
        NotFound: the caller answered nothing.
    """
    queue = _queue(scope, name)
    tx, project, me = scope.tx, scope.project, scope.actor.name
    store.take_turn(tx, project, queue.spec.name)
    found = store.last_answer(tx, project, queue.spec.name, me)
    if found is None:
        raise NotFound(f"{me!r} answered nothing in {queue.ref}", hint="there is nothing to undo")
    store.remove_answer(tx, project, queue.spec.name, found)
    until = scope.now + timedelta(seconds=queue.spec.lease_s)
    store.set_lease(tx, project, queue.spec.name, found.item, labeller=me, until=until)
    scope.record("labelling.undone", queue.ref, item=found.item)
    return found


def adjudicate(scope: Scope, name: str, item: int, value: Any) -> Answer:  # noqa: ANN401 - see `answer`
    """Settle an item, whatever others answered; another time, otherwise.

    Raises:
        Invalid: the value is no answer to the question.
        NotFound: there is no such item.
    """
    queue = get_queue(scope, name)
    scope.require(Permission.DATASET_WRITE, queue.ref)
    tx, project = scope.tx, scope.project
    store.take_turn(tx, project, queue.spec.name)
    _item(scope, queue, item)
    for old in store.list_answers(tx, project, queue.spec.name):
        if old.item == item and old.adjudicated:
            store.remove_answer(tx, project, queue.spec.name, old)
    made = Answer(
        item=item,
        labeller=ADJUDICATOR + scope.actor.name,
        value=check_value(queue.spec.question, value),
        at=scope.now,
        adjudicated=True,
    )
    store.add_answer(tx, project, queue.spec.name, made)
    scope.record("labelling.adjudicated", queue.ref, item=item)
    return made


def progress(scope: Scope, name: str) -> Progress:
    """Return how far a queue has come."""
    queue = get_queue(scope, name)
    answers = store.list_answers(scope.tx, scope.project, queue.spec.name)
    items = store.list_items(scope.tx, scope.project, queue.spec.name)
    counted = store.figures(scope.tx, scope.project, queue.spec.name, queue.spec.answers, scope.now)
    by_labeller: dict[str, int] = {}
    for each in answers:
        if not each.adjudicated and not each.skipped:
            by_labeller[each.labeller] = by_labeller.get(each.labeller, 0) + 1
    return Progress(
        queue=queue.ref,
        items=len(items),
        done=counted["done"],
        answers=sum(by_labeller.values()),
        skipped=sum(bool(each.skipped) for each in answers),
        leased=counted["leased"],
        by_labeller=by_labeller,
    )


def check_value(question: Question, value: Any) -> Any:  # noqa: ANN401 - see `answer`
    """Return a value as it is kept, if it answers a question.

    Raises:
        Invalid: it does not; the hint says what would.
    """
    match question.kind:
        case "class":
            if value not in question.classes:
                raise _no_answer(value, f"one of {', '.join(question.classes)}")
            return value
        case "classes":
            given = [value] if isinstance(value, str) else value
            if not isinstance(given, list | tuple) or not set(given) <= set(question.classes):
                raise _no_answer(value, f"some of {', '.join(question.classes)}")
            return sorted(set(given), key=question.classes.index)
        case "number":
            return _number(question, value)
        case "text":
            if not isinstance(value, str) or not value.strip():
                raise _no_answer(value, "a text")
            return value
    return _spans(question, value)


def _number(question: Question, value: Any) -> float:  # noqa: ANN401 - see `answer`
    least = float("-inf") if question.min is None else question.min
    most = float("inf") if question.max is None else question.max
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not least <= value <= most or value in {float("inf"), float("-inf")}:
        raise _no_answer(value, f"a number from {least:g} to {most:g}")
    return float(value)


def _spans(question: Question, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - see `answer`
    try:
        spans = msgspec.convert(value, tuple[Span, ...])
    except msgspec.ValidationError as error:
        raise _no_answer(value, '[{"start": 0, "end": 4, "label": "..."}]') from error
    for each in spans:
        if not 0 <= each.start < each.end or each.label not in question.classes:
            raise _no_answer(value, f"start < end, and a label of {', '.join(question.classes)}")
    kept: list[dict[str, Any]] = to_builtins(
        sorted(spans, key=lambda each: (each.start, each.end, each.label))
    )
    return kept


def _no_answer(value: Any, wanted: str) -> Invalid:  # noqa: ANN401 - see `answer`
    return Invalid(f"{value!r} is no answer to the question", hint=f"wanted: {wanted}")


def _queue(scope: Scope, name: str) -> Queue:
    queue = get_queue(scope, name)
    scope.require(Permission.FEEDBACK_WRITE, queue.ref)
    named = queue.spec.labellers
    if named and scope.actor.name not in named:
        raise Denied(
            f"{scope.actor.name!r} is no labeller of {queue.ref}",
            hint=f"its labellers are {', '.join(named)}",
        )
    return queue


def _made(scope: Scope, item: int, *, value: object = None, skipped: str = "") -> Answer:
    return Answer(item=item, labeller=scope.actor.name, value=value, skipped=skipped, at=scope.now)


def _item(scope: Scope, queue: Queue, item: int) -> tuple[str, int, bool]:
    found = store.find_item(scope.tx, scope.project, queue.spec.name, item)
    if found is None:
        raise NotFound(f"{queue.ref} has no item {item}", hint=f"it has {queue.items}, from 1")
    return found


def _given(scope: Scope, queue: Queue, made: Answer) -> Answer:
    tx, project, name = scope.tx, scope.project, queue.spec.name
    store.take_turn(tx, project, name)
    _, answers, settled = _item(scope, queue, made.item)
    coming = store.count_coming(tx, project, name, made.item, made.labeller, scope.now)
    if not made.skipped and (settled or answers + coming >= queue.spec.answers):
        raise Conflict(
            f"item {made.item} of {queue.ref} has all answers that it wants, or they are coming",
            hint=f"take another one: bucle data label_next {name}",
        )
    if not store.add_answer(tx, project, name, made):
        raise Conflict(
            f"{made.labeller!r} answered item {made.item} of {queue.ref} before",
            hint=f"to take the last answer back: bucle data label_undo {name}",
        )
    store.drop_lease(tx, project, name, made.item, made.labeller)
    if made.skipped:
        scope.record("labelling.skipped", queue.ref, item=made.item)
    else:
        scope.record("labelling.answered", queue.ref, item=made.item)
    return made
