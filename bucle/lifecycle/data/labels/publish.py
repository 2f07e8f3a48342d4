"""Commit what a queue's answers say as a version, with the rows that they are of."""

from typing import Any

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.commit import commit_table
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.make import get_queue, key_text
from bucle.lifecycle.data.labels.outcome import settled
from bucle.lifecycle.data.labels.records import Consensus, Queue, Settled
from bucle.lifecycle.data.read import get_version, read_table
from bucle.lifecycle.data.records import DatasetVersion

CONFIDENCE, ANSWERS = "label_confidence", "label_answers"


def publish(
    session: Session, name: str, into: str, *, column: str = "label", method: Consensus = "majority"
) -> DatasetVersion:
    """Commit the labelled rows of a queue, each with its label, as a dataset's next version.

    Rows without a label (nobody answered, or nothing wins) are left out.

    Raises:
        Invalid: nothing is labelled yet, or the rows have a column of the label's name.
    """
    with session.begin(write=False) as scope:
        queue = get_queue(scope, name)
        scope.require(Permission.DATASET_WRITE, queue.ref)
        version = get_version(scope, queue.dataset)
        found = settled(scope, name, method=method)
    labels = {key_text(each.key): each for each in found if each.value is not None}
    if not labels:
        raise Invalid(f"nothing in {queue.ref} is labelled", hint=f"bucle data label_next {name}")
    for ours in (column, CONFIDENCE, ANSWERS):
        if ours in version.column_names:
            raise Invalid(f"{version.ref} has a column {ours!r}", hint="--column another_name")
    table = read_table(session, version)
    keys = [key_text(row) for row in table.select(list(queue.spec.key)).to_pylist()]
    table = table.filter(pa.array([key in labels for key in keys]))
    mine = [labels[key] for key in keys if key in labels]
    table = (
        table.append_column(column, _column(queue, mine))
        .append_column(CONFIDENCE, pa.array([each.confidence for each in mine], pa.float64()))
        .append_column(ANSWERS, pa.array([each.answers for each in mine], pa.int64()))
    )
    made = commit_table(session, into, table, message=f"labels of {queue.ref}")
    with session.begin() as scope:
        scope.link(queue.ref, made.ref, "labels", method=method)
        scope.record("labelling.published", queue.ref, dataset=made.ref, rows=made.rows)
    return made


def labels_of_predictions(
    scope: Scope, name: str, *, method: Consensus = "majority"
) -> tuple[str, list[str], list[Any]]:
    """Return the deployment, and the ids and labels of the predictions that a queue is of.

    Raises:
        Invalid: its items are no predictions, or its labels are neither texts nor numbers.
    """
    queue = get_queue(scope, name)
    if not queue.spec.deployment:
        raise Invalid(
            f"the items of {queue.ref} are no predictions",
            hint="make a queue with --prediction <column> --deployment <name>",
        )
    found = {each.item: each.value for each in settled(scope, name, method=method)}
    ids, values = [], []
    for number, _, prediction in store.list_items(scope.tx, scope.project, queue.spec.name):
        value = found.get(number)
        if value is None or not prediction:
            continue
        if not isinstance(value, str | int | float):
            raise Invalid(f"{value!r} is no label of a prediction", hint="ask for one class")
        ids.append(prediction)
        values.append(value)
    return queue.spec.deployment, ids, values


def _column(queue: Queue, mine: list[Settled]) -> pa.Array:
    values = [each.value for each in mine]
    match queue.spec.question.kind:
        case "number":
            return pa.array(values, pa.float64())
        case "classes":
            return pa.array(values, pa.list_(pa.string()))
        case "spans":
            fields = [("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]
            return pa.array(values, pa.list_(pa.struct(fields)))
    return pa.array(values, pa.string())
