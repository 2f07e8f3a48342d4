"""Carry a deletion out, step by step, and prove it.

Each step is recorded when it is done, and each can be done again: a process that is killed is
followed by another one, which begins at the first step that is not recorded.  The proof is a
search like the first one: the deletion is done when it finds nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec

from bucle.base.errors import Conflict, Refused
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.control.privacy.forget import store
from bucle.control.privacy.forget.ask import get_deletion
from bucle.control.privacy.forget.records import (
    DONE,
    OPEN,
    WITHDRAWN,
    Affected,
    Deletion,
    Step,
)
from bucle.control.privacy.forget.search import Subjects, logged_ids, search, theirs_in
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.erase.erase import erase_rows, remove_content
from bucle.lifecycle.data.erase.records import Subject
from bucle.lifecycle.data.labels.forget import erase_items
from bucle.lifecycle.features.forget import erase_online, refresh, views_over
from bucle.lifecycle.feedback.forget import erase_labels
from bucle.lifecycle.registry.forget import erase_evaluation, every_version
from bucle.lifecycle.serving.forget import erase_logged

Told: TypeAlias = dict[str, int | str | tuple[str, ...]]
_RUNNING = "running"
_ROUNDS = 5


def erase(session: Session, ref: Ref | str) -> Deletion:
    """Take the rows out of everything, and search again; begun before, it goes on.

    Raises:
        Conflict: it was withdrawn.
        Refused: the search still found rows; what is left is named.
        Denied: the caller may not forget.
    """
    deletion = _begun(session, ref)
    if deletion.state == DONE:
        return deletion
    affected = deletion.affected
    for _ in range(_ROUNDS):
        for place, (name, act) in enumerate(_plan(session, deletion)):
            _step(session, deletion, (place, name), act)
        affected, searched = search(session, deletion.subjects)
        if not affected.rows:
            return _done(session, deletion, affected)
        # Somebody committed such rows meanwhile, or a server wrote what it had read before.
        deletion = _again(session, deletion, searched)
    left = _left(affected)
    raise Refused(
        f"{deletion.ref} is not done: {affected.rows} rows were found again after {_ROUNDS} rounds",
        because=left,
        hint=f"stop what brings them back, and type: bucle data erase {deletion.ref.name}",
    )


def _begun(session: Session, ref: Ref | str) -> Deletion:
    with session.begin() as scope:
        found = get_deletion(scope, ref)
        scope.require(Permission.DATASET_FORGET, found.ref)
        if found.state == WITHDRAWN:
            raise Conflict(
                f"{found.ref} was withdrawn",
                hint="ask again: bucle data forget <dataset> --key ... --reason ...",
            )
        if found.state != OPEN:
            return found
        made = msgspec.structs.replace(found, state=_RUNNING)
        if store.replace(scope.tx, scope.project, made, seen=OPEN):
            scope.record("deletion.begun", found.ref)
        return made


def _plan(session: Session, deletion: Deletion) -> list[tuple[str, Callable[[], Told]]]:
    """Return the steps in their order, each with what it does."""
    subjects = deletion.subjects
    return [
        ("models", partial(_mark_models, session, deletion)),
        ("predictions", partial(_predictions, session, subjects)),
        ("labelling", partial(_labelling, session, subjects)),
        *((f"rows of {name}", partial(_rows, session, deletion, name)) for name in subjects),
        *(
            (f"features of {name}", partial(_features, session, deletion, name))
            for name in subjects
        ),
        ("evaluation rows", partial(_evaluations, session, subjects)),
        ("content", partial(_content, session, deletion)),
    ]


def _step(
    session: Session, deletion: Deletion, which: tuple[int, str], act: Callable[[], Told]
) -> None:
    place, name = which
    with session.begin(write=False) as scope:
        done = store.list_steps(scope.tx, scope.project, deletion.ref.name)
    if any(step.name == name for step in done):
        return
    told = act()
    with session.begin() as scope:
        step = Step(name=name, place=place, at=scope.now, done=told)
        store.add_step(scope.tx, scope.project, deletion.ref.name, step)


def _mark_models(session: Session, deletion: Deletion) -> Told:
    """Say of each version that was trained on such rows that it was: before the rows go.

    Whoever retrains reads the fact; the edge tells it of the version for ever.
    """
    affected, _ = search(session, deletion.subjects)  # some may be newer than the request
    marked = [each for each in affected.models if each.trained_on or each.example]
    with session.begin() as scope:
        for each in marked:
            scope.link(deletion.ref, each.ref, "erased_rows_of")
            scope.record(
                "model.data_erased", each.ref, deletion=deletion.ref, aliases=each.aliases,
                trained_on=each.trained_on, example=each.example,
            )  # fmt: skip
    return {"retrain": tuple(str(each.ref) for each in marked)}


def _predictions(session: Session, subjects: Subjects) -> Told:
    ids = logged_ids(session, subjects)
    # Labels first: they are found by the predictions that are still there.
    with session.begin() as scope:
        labels = erase_labels(scope, ids)
    return {"labels": labels, "predictions": erase_logged(session, ids)}


def _labelling(session: Session, subjects: Subjects) -> Told:
    # Before the rows: an item is found by its row.
    return {"items": sum(erase_items(session, name, each) for name, each in subjects.items())}


def _rows(session: Session, deletion: Deletion, name: str) -> Told:
    made = erase_rows(session, name, deletion.subjects[name], by=deletion.ref, why=deletion.reason)
    return {
        "heads": tuple(map(str, made.heads)),
        "rewritten": tuple(map(str, made.rewritten)),
        "dropped": tuple(map(str, made.dropped)),
        "quarantines": made.quarantines,
    }


def _features(session: Session, deletion: Deletion, name: str) -> Told:
    with session.begin(write=False) as scope:
        views = views_over(scope, name)
    rows = stream = 0
    again = []
    for view in views:
        found = erase_online(session, view, deletion.subjects[name])
        rows, stream = rows + found.row, stream + found.stream
        if refresh(session, view):
            again.append(str(view.ref))
    return {"rows": rows, "stream": stream, "computed_anew": tuple(again)}


def _evaluations(session: Session, subjects: Subjects) -> Told:
    with session.begin(write=False) as scope:
        versions = every_version(scope)
    rows = 0
    for version in versions:
        with session.begin(write=False) as scope:  # it may have been changed with another
            (now,) = [each for each in every_version(scope) if each.ref == version.ref]
        rows += erase_evaluation(session, now, lambda table: theirs_in(table, subjects.values()))
    return {"rows": rows}


def _content(session: Session, deletion: Deletion) -> Told:
    removed, kept = remove_content(session, deletion.ref)
    return {"removed": removed, "kept_by_other_projects": kept}


def _again(session: Session, deletion: Deletion, searched: dict[str, Subject]) -> Deletion:
    """Forget which steps were done: there are rows again."""
    with session.begin() as scope:
        store.remove_steps(scope.tx, scope.project, deletion.ref.name)
        made = msgspec.structs.replace(deletion, state=_RUNNING, subjects=searched)
        store.replace(scope.tx, scope.project, made, seen=_RUNNING)
        scope.record("deletion.repeated", deletion.ref)
    return made


def _done(session: Session, deletion: Deletion, affected: Affected) -> Deletion:
    with session.begin() as scope:
        made = msgspec.structs.replace(
            deletion,
            state=DONE,
            subjects={},
            done_at=scope.now,
            done_by=scope.actor.name,
            left=affected.rows,
        )
        if not store.replace(scope.tx, scope.project, made, seen=_RUNNING):
            return _found(scope, deletion)  # another process was done first
        scope.record(
            "deletion.done", made.ref, dataset=made.dataset, left=affected.rows,
            in_time=scope.now <= made.due_at,
        )  # fmt: skip
    return made


def _found(scope: Scope, deletion: Deletion) -> Deletion:
    return get_deletion(scope, deletion.ref)


def _left(affected: Affected) -> tuple[Verdict, ...]:
    rows = {str(each.ref): each.rows for each in affected.versions}
    rows |= {f"{each.dataset} set apart": each.quarantined for each in affected.datasets}
    rows |= {f"{each.ref} online": each.row + each.stream for each in affected.views}
    rows |= {f"{each.ref} evaluation": each.evaluation for each in affected.models}
    rows |= {f"labelling:{name}": items for name, items in affected.labelling.items()}
    rows |= {f"predictions of {each.deployment}": each.rows for each in affected.predictions}
    return tuple(
        Verdict(name=name, ok=not count, value=float(count))
        for name, count in rows.items()
        if count
    )
