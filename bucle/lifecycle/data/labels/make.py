"""Make a queue over the rows of a version, and find the rows of its items."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bucle.base.codec import canonical_json, to_builtins
from bucle.base.digest import digest_bytes
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store as data_store
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.records import Item, Queue, QueueSpec
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.read import file_paths, get_version, read_table
from bucle.lifecycle.data.records import DatasetVersion
from bucle.lifecycle.data.rewrite import picked
from bucle.lifecycle.data.sensitivity.follow import hidden_columns
from bucle.lifecycle.data.sensitivity.mask import masked_row

KIND = "labelling"
_MOST_CLASSES = 1_000


def make_queue(session: Session, spec: QueueSpec) -> Queue:
    """Make a queue: the rows of a version, each once, in the order in which they are asked.

    Raises:
        Invalid: a column is unknown, the key does not tell rows apart, or the question is none.
        Conflict: there is a queue of that name.
        NotFound: no such version.
    """
    ref = Ref(KIND, check_name(spec.name))
    _check(spec)
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, ref)
        version = get_version(scope, spec.dataset)
        declared = data_store.find_spec(scope.tx, scope.project, version.ref.name)
    key = spec.key or (declared.key if declared else ())
    if not key:
        raise Invalid(
            f"{version.ref.bare} has no key, so that its rows can not be told apart",
            hint=f"--key <column>, or bucle data declare {version.ref.name} --key <column>",
        )
    spec = msgspec.structs.replace(spec, key=key)
    items = _items(session, version, spec)
    with session.begin() as scope:
        made = Queue(
            ref=ref,
            spec=spec,
            dataset=version.ref,
            items=len(items),
            made_at=scope.now,
            made_by=scope.actor.name,
        )
        if not store.add_queue(scope.tx, scope.project, made, items):
            raise Conflict(f"{ref} is there already", hint="give another name")
        scope.link(version.ref, ref, "labelled")
        scope.record("labelling.made", ref, dataset=version.ref, items=made.items)
    return made


def get_queue(scope: Scope, name: str) -> Queue:
    """Return a queue.

    Raises:
        NotFound: there is none.
    """
    ref = Ref.parse(name, kind=KIND)
    scope.require(Permission.DATASET_READ, ref)
    found = store.find_queue(scope.tx, scope.project, ref.name)
    if found is None:
        raise NotFound(f"{ref} does not exist", hint="bucle data label_queues")
    return found


def list_queues(scope: Scope) -> tuple[Queue, ...]:
    """Return all queues by name."""
    scope.require(Permission.DATASET_READ)
    return store.list_queues(scope.tx, scope.project)


def item_of(session: Session, queue: Queue, number: int, key: str) -> Item | None:
    """Return an item with its row, as the caller may see it; None: the row is gone."""
    with session.begin(write=False) as scope:
        version = get_version(scope, queue.dataset)
        hidden = hidden_columns(scope, queue.dataset)
    values: dict[str, Any] = msgspec.json.decode(key)
    keys = keys_table(session, version, [values])
    for table in picked(session.drivers, version.files, keys, queue.spec.key):
        (row, *_) = table.to_pylist()
        shown = {name: row[name] for name in queue.spec.show or version.column_names}
        return Item(
            number=number,
            key=masked_row(values, hidden),
            row=to_builtins(masked_row(shown, hidden)),
        )
    return None


def keys_table(
    session: Session, version: DatasetVersion, keys: Sequence[dict[str, Any]]
) -> pa.Table:
    """Return keys in the types of a version's columns."""
    schema = schema_of(file_paths(session.drivers, version.files[:1]))
    names = list(keys[0])
    return pa.table(
        {
            name: pa.array([key[name] for key in keys]).cast(schema.field(name).type)
            for name in names
        }
    )


def key_text(values: dict[str, Any]) -> str:
    """Write a key so that equal keys are equal texts."""
    return canonical_json(to_builtins(values)).decode()


def _items(session: Session, version: DatasetVersion, spec: QueueSpec) -> list[tuple[str, str]]:
    wanted = [*spec.key, *filter(None, (spec.priority, spec.prediction))]
    for name in (*wanted, *spec.show):
        if name not in version.column_names:
            raise Invalid(
                f"{version.ref} has no column {name!r}",
                hint=f"it has {', '.join(version.column_names)}",
            )
    table = read_table(session, version, columns=list(dict.fromkeys(wanted)))
    rows = table.to_pylist()
    keys = [key_text({name: row[name] for name in spec.key}) for row in rows]
    if len(set(keys)) != len(keys):
        raise Invalid(
            f"two rows of {version.ref} have the same {', '.join(spec.key)}",
            hint="--key <columns that tell rows apart>",
        )
    predictions = [str(row[spec.prediction] or "") for row in rows] if spec.prediction else []
    for id_ in filter(None, predictions):
        milliseconds_of(id_)
    order = sorted(range(len(rows)), key=lambda place: digest_bytes(keys[place].encode()))
    if spec.priority:
        urgent = np.array([_urgency(row[spec.priority], spec.priority) for row in rows])
        order = [order[place] for place in np.argsort(-urgent[order], kind="stable")]
    return [(keys[place], predictions[place] if predictions else "") for place in order]


def _urgency(value: Any, column: str) -> float:  # noqa: ANN401 - a value of a column
    if value is None:
        return float("-inf")
    if not isinstance(value, int | float):
        raise Invalid(
            f"{column!r} holds {value!r}, and a priority is a number", hint="leave it out"
        )
    return float(value) if value == value else float("-inf")  # noqa: PLR0124 - a NaN


def _check(spec: QueueSpec) -> None:
    question = spec.question
    if question.kind in {"class", "classes", "spans"}:
        if len(set(question.classes)) != len(question.classes) or not question.classes:
            raise Invalid(
                f"a question of kind {question.kind!r} has classes, each once",
                hint="--question.classes spam --question.classes ham",
            )
        if len(question.classes) > _MOST_CLASSES:
            raise Invalid(f"{len(question.classes)} classes; {_MOST_CLASSES} are the most")
    elif question.classes:
        raise Invalid(f"a question of kind {question.kind!r} has no classes")
    if spec.answers < 1:
        raise Invalid(f"each item wants {spec.answers} answers", hint="--answers 2")
    if spec.labellers and spec.answers > len(set(spec.labellers)):
        raise Invalid(
            f"each item wants {spec.answers} answers of {len(set(spec.labellers))} labellers",
            hint="name more labellers, or ask for fewer answers",
        )
    if spec.lease_s < 1:
        raise Invalid(f"a lease of {spec.lease_s} s", hint="--lease-s 600")
    if bool(spec.prediction) != bool(spec.deployment):
        raise Invalid(
            "labels of predictions name the column of their ids and the deployment",
            hint="--prediction id --deployment churn",
        )
