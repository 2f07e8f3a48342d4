"""Search for somebody's rows: in datasets, and by lineage in all that was made of those."""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.control.privacy.forget.records import (
    Affected,
    LogRows,
    ModelRows,
    ViewRows,
    Wish,
)
from bucle.governance.lineage.trace import reach
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, registry
from bucle.lifecycle.data.erase.find import (
    find_rows,
    referring,
    settled,
    typed,
    with_columns,
)
from bucle.lifecycle.data.erase.records import DatasetRows, Subject
from bucle.lifecycle.data.labels.forget import find_items
from bucle.lifecycle.features.forget import find_online, is_of_subject, views_over
from bucle.lifecycle.feedback.forget import count_labels
from bucle.lifecycle.registry.forget import every_version, kept_rows
from bucle.lifecycle.serving.forget import find_logged

Subjects = Mapping[str, Subject]  # of each dataset


def subjects_of(scope: Scope, wish: Wish) -> dict[str, Subject]:
    """Return by which columns the datasets are searched that a wish names or that refer to it.

    Raises:
        Invalid: no key, an unknown column, or a value that can not be one of its.
        NotFound: there is no such dataset.
    """
    if not wish.key:
        raise Invalid("nobody says whose rows", hint="--key customer=123")
    found = {wish.dataset: settled(scope, wish.dataset, wish.key)}
    if wish.also and len(wish.key) > 1:
        raise Invalid(
            f"other datasets are searched by one value, and the key has {len(wish.key)}",
            hint="ask for each dataset by itself",
        )
    for name, column in wish.also.items():
        (value,) = wish.key.values()
        found[name] = settled(scope, name, {column: value})
    if len(wish.key) == 1:
        for name, column, theirs in referring(scope, wish.dataset, tuple(wish.key)):
            if name not in found and column:
                found[name] = settled(scope, name, {column: wish.key[theirs]})
    return found


def search(session: Session, subjects: Subjects) -> tuple[Affected, dict[str, Subject]]:
    """Return where the rows are, and the datasets that were searched with those made of them."""
    wanted = dict(subjects)
    waiting = deque(wanted)
    datasets: list[DatasetRows] = []
    derived: dict[Ref, None] = {}
    runs: dict[Ref, None] = {}
    trained: dict[Ref, dict[Ref, None]] = {}
    while waiting:
        name = waiting.popleft()
        found = find_rows(session, name, wanted[name])
        datasets.append(found)
        for version in found.versions:
            for ref in _made_of(session, version.ref):
                if ref.kind == "model":
                    trained.setdefault(ref, {})[version.ref] = None
                elif ref.kind == "run":
                    runs[ref] = None
                elif ref.kind == "dataset" and ref.name not in wanted:
                    if _has(session, ref, wanted[name]):
                        wanted[ref.name] = wanted[name]
                        waiting.append(ref.name)
                    else:
                        derived[ref] = None
    with session.begin(write=False) as scope:
        names = {column for subject in wanted.values() for column in subject}
        near = {each for column in names for each in with_columns(scope, (column,))}
    affected = Affected(
        datasets=tuple(msgspec.structs.replace(each, versions=()) for each in datasets),
        versions=tuple(version for each in datasets for version in each.versions),
        derived=tuple(derived),
        views=tuple(_views(session, wanted)),
        models=tuple(_models(session, wanted, trained)),
        predictions=tuple(_predictions(session, wanted)),
        labelling={
            queue: len(items)
            for name, subject in wanted.items()
            for queue, items in find_items(session, name, subject).items()
        },
        runs=tuple(runs),
        unsearched=tuple(sorted(near - set(wanted))),
    )
    return affected, wanted


def theirs_in(table: pa.Table, subjects: Iterable[Subject]) -> np.ndarray:
    """Return which rows of a table are a subject's, by the columns of any of the datasets."""
    mask = np.zeros(table.num_rows, bool)
    for subject in subjects:
        wanted = typed(table.schema, subject)
        if wanted is None:
            continue
        theirs = np.ones(table.num_rows, bool)
        for name, value in wanted.items():
            same = pc.fill_null(pc.equal(table[name], value), fill_value=False)
            theirs &= same.to_numpy(zero_copy_only=False)
        mask |= theirs
    return mask


def logged_ids(session: Session, subjects: Subjects) -> dict[str, set[str]]:
    """Return the ids of the predictions that were made of a subject, by deployment."""
    ids: dict[str, set[str]] = {}
    for subject in _distinct(subjects):
        for found in find_logged(session, subject):
            ids.setdefault(found.deployment, set()).update(found.ids)
    return ids


def _made_of(session: Session, version: Ref) -> list[Ref]:
    """Return what was made of a version, up to the next dataset or model."""
    ends = ("dataset:", "model:")
    with session.begin(write=False) as scope:
        found = reach(scope, version, up=False, past=lambda far: not far.startswith(ends))
    refs = [Ref.parse(far) for far in found]
    return [ref for ref in refs if ref.bare != version.bare]


def _has(session: Session, ref: Ref, subject: Subject) -> bool:
    """Tell whether a derived dataset has the columns to look by."""
    with session.begin(write=False) as scope:
        try:
            version = data.get_version(scope, ref)
        except NotFound:
            return False
    return set(subject) <= set(version.column_names)


def _views(session: Session, subjects: Subjects) -> Iterable[ViewRows]:
    for name, subject in subjects.items():
        with session.begin(write=False) as scope:
            views = views_over(scope, name)
        for view in views:
            found = find_online(session, view, subject)
            yield ViewRows(
                ref=view.ref,
                entity=is_of_subject(view, subject),
                row=found.row,
                stream=found.stream,
            )


def _models(
    session: Session, subjects: Subjects, trained: Mapping[Ref, Mapping[Ref, None]]
) -> Iterable[ModelRows]:
    """Yield the versions that were trained on such rows, and those that are kept with some."""
    with session.begin(write=False) as scope:
        versions = every_version(scope)
        aliases = {
            name: registry.get_model(scope, name).aliases
            for name in dict.fromkeys(version.ref.name for version in versions)
        }
    for version in versions:
        kept = kept_rows(session, version, lambda table: theirs_in(table, _distinct(subjects)))
        on = tuple(trained.get(version.ref, ()))
        if on or kept.evaluation or kept.example:
            borne = aliases[version.ref.name]
            yield ModelRows(
                ref=version.ref,
                trained_on=on,
                aliases=tuple(name for name, n in borne.items() if n == version.number),
                evaluation=kept.evaluation,
                example=kept.example,
            )


def _predictions(session: Session, subjects: Subjects) -> Iterable[LogRows]:
    for deployment, ids in sorted(logged_ids(session, subjects).items()):
        with session.begin(write=False) as scope:
            labels = count_labels(scope, {deployment: ids})
        yield LogRows(deployment=deployment, rows=len(ids), labels=labels)


def _distinct(subjects: Subjects) -> list[Subject]:
    return list({repr(subject): subject for subject in subjects.values()}.values())
