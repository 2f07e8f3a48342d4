"""Answers to and from files: CSV, JSON lines, and the JSON of Label Studio.

Of Label Studio only the format is taken: tasks with `data` and `annotations`, each a list of
results with `type` and `value` (https://labelstud.io/guide/export).
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bucle.base.codec import encode
from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.answer import check_value
from bucle.lifecycle.data.labels.make import get_queue
from bucle.lifecycle.data.labels.records import Answer, Exported, Format, Imported, Queue
from bucle.lifecycle.data.read import get_version, read_table
from bucle.lifecycle.data.sensitivity.follow import hidden_columns
from bucle.lifecycle.data.sensitivity.mask import require_visible

_OURS = ("labeller", "value", "skipped", "at")
_RESULT = {
    "class": "choices", "classes": "choices", "number": "number", "text": "textarea",
    "spans": "labels",
}  # fmt: skip


def export(session: Session, name: str, format_: Format) -> Exported:
    """Write all items of a queue with their answers to a file.

    Raises:
        Denied: a column of the rows is sensitive, and the caller may not see it.
    """
    with session.begin(write=False) as scope:
        queue = get_queue(scope, name)
        scope.require(Permission.FEEDBACK_READ, queue.ref)
        require_visible(queue.ref, hidden_columns(scope, queue.dataset), scope.actor.name)
        items = store.list_items(scope.tx, scope.project, queue.spec.name)
        answers = store.list_answers(scope.tx, scope.project, queue.spec.name)
    keys = {number: msgspec.json.decode(key) for number, key, _ in items}
    if format_ == "label-studio":
        content = _tasks(session, queue, keys, answers)
    else:
        rows = [_flat(keys[one.item], one) for one in answers if one.item in keys]
        content = (
            _csv(queue, rows) if format_ == "csv" else b"".join(encode(r) + b"\n" for r in rows)
        )
    return Exported(
        queue=queue.ref,
        format=format_,
        digest=store_bytes(session.drivers.blobs, content),
        items=len(items),
        answers=len(answers),
    )


def import_(
    session: Session, name: str, digest: str, format_: Format, *, labeller: str = ""
) -> Imported:
    """Take answers in from a file: all of it, or nothing where a line is wrong.

    `labeller` is whose they are, where the file does not say.

    Raises:
        Invalid: the file is not of its format, a key is unknown, or a value is no answer.
    """
    content = read_content(session.drivers.blobs, digest)
    with session.begin(write=False) as scope:
        queue = get_queue(scope, name)
        scope.require(Permission.DATASET_WRITE, queue.ref)
        items = store.list_items(scope.tx, scope.project, queue.spec.name)
    numbers = {_plain(queue, msgspec.json.decode(key)): number for number, key, _ in items}
    read = _read_tasks(content) if format_ == "label-studio" else _read_rows(content, format_)
    wanted: list[tuple[int, str, Any, str]] = []
    for place, row in enumerate(read, start=1):
        number = row.get("item") or numbers.get(_plain(queue, row))
        if number is None:
            raise Invalid(
                f"answer {place} has no key of {queue.ref}",
                hint=f"each has {', '.join(queue.spec.key)}, as the dataset has them",
            )
        skipped = str(row.get("skipped") or "")
        value = None
        if not skipped:
            value = check_value(queue.spec.question, _value(queue, row.get("value")))
        wanted.append((int(number), str(row.get("labeller") or ""), value, skipped))
    with session.begin() as scope:
        store.take_turn(scope.tx, scope.project, queue.spec.name)
        taken = 0
        for number, whose, value, skipped in wanted:
            made = Answer(
                item=number, labeller=whose or labeller or scope.actor.name, value=value,
                skipped=skipped, at=scope.now,
            )  # fmt: skip
            taken += store.add_answer(scope.tx, scope.project, queue.spec.name, made)
        if taken:
            scope.record("labelling.imported", queue.ref, answers=taken)
    return Imported(queue=queue.ref, answers=taken, repeated=len(wanted) - taken)


def _flat(key: dict[str, Any], one: Answer) -> dict[str, Any]:
    return key | {
        "labeller": one.labeller, "value": one.value, "skipped": one.skipped,
        "at": one.at.isoformat(),
    }  # fmt: skip


def _csv(queue: Queue, rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*queue.spec.key, *_OURS], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        value = row["value"]
        told = encode(value).decode() if isinstance(value, list | dict) else value
        writer.writerow(row | {"value": told})
    return text.getvalue().encode()


def _tasks(
    session: Session, queue: Queue, keys: dict[int, dict[str, Any]], answers: Sequence[Answer]
) -> bytes:
    with session.begin(write=False) as scope:
        version = get_version(scope, queue.dataset)
    columns = list(dict.fromkeys((*queue.spec.key, *(queue.spec.show or version.column_names))))
    rows = read_table(session, version, columns=columns).to_pylist()
    shown = {_plain(queue, row): row for row in rows}
    return encode(
        [
            {
                "id": number,
                "data": shown.get(_plain(queue, key), key),
                "annotations": [
                    {
                        "completed_by": one.labeller,
                        "created_at": one.at.isoformat(),
                        "was_cancelled": bool(one.skipped),
                        "result": [] if one.skipped else _results(queue, one.value),
                    }
                    for one in answers
                    if one.item == number
                ],
            }
            for number, key in keys.items()
        ]
    )


def _results(queue: Queue, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an answer's value
    kind = queue.spec.question.kind
    if kind == "spans":
        values = [
            {"start": one["start"], "end": one["end"], "labels": [one["label"]]} for one in value
        ]
    elif kind == "number":
        values = [{"number": value}]
    elif kind == "text":
        values = [{"text": [value]}]
    else:
        values = [{"choices": [value] if isinstance(value, str) else list(value)}]
    common = {"from_name": "answer", "to_name": "item", "type": _RESULT[kind]}
    return [common | {"value": each} for each in values]


def _read_rows(content: bytes, format_: Format) -> Iterator[dict[str, Any]]:
    if format_ == "csv":
        try:
            yield from csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        except (csv.Error, UnicodeDecodeError) as error:
            raise Invalid(f"the file is no CSV: {error}") from error
        return
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise Invalid(f"line {number} is no JSON object: {error}") from error


def _read_tasks(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the answers in tasks; a task is found by the key in its data."""
    try:
        tasks = msgspec.json.decode(content, type=list[dict[str, Any]])
        for task in tasks:
            for each in task.get("annotations", ()):
                results = each.get("result", ())
                yield dict(task["data"]) | {
                    "labeller": _whose(each.get("completed_by")),
                    "value": _value_of(results) if results else None,
                    "skipped": "skipped" if each.get("was_cancelled") else "",
                }
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise Invalid(
            f"the file is no export of Label Studio: {error}",
            hint='[{"data": {...}, "annotations": [{"result": [...]}]}]',
        ) from error


def _whose(told: Any) -> str:  # noqa: ANN401 - a number, a name or an object with an email
    return str(told.get("email") or told.get("id")) if isinstance(told, dict) else str(told or "")


def _value_of(results: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401 - an answer's value
    first = results[0]["value"]
    if "labels" in first:
        return [
            {"start": r["value"]["start"], "end": r["value"]["end"],
             "label": r["value"]["labels"][0]}
            for r in results
        ]  # fmt: skip
    if "choices" in first:
        return first["choices"]
    return first["number"] if "number" in first else first["text"][0]


def _value(queue: Queue, told: Any) -> Any:  # noqa: ANN401 - an answer's value, or its text
    """Return a value as its question has it: files have lists and numbers as text."""
    kind = queue.spec.question.kind
    if kind == "class" and isinstance(told, list) and len(told) == 1:
        return told[0]
    if isinstance(told, str) and kind in {"classes", "number", "spans"}:
        try:
            return msgspec.json.decode(told)
        except msgspec.DecodeError:
            return told
    return told


def _plain(queue: Queue, row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in queue.spec.key)
