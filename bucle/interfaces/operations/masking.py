"""Answers as somebody may see them who may not see what sensitive columns hold.

Every verb that shows rows, or what is read off them, passes its answer through here.
"""

from typing import Any

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.control import privacy
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, serving
from bucle.lifecycle.data import sensitivity


def version(scope: Scope, ref: str) -> data.DatasetVersion:
    """Return a version whose statistics say nothing of hidden columns."""
    found = data.get_version(scope, ref)
    return sensitivity.masked_version(found, sensitivity.hidden_columns(scope, found.ref))


def log(
    scope: Scope, name: str, *, limit: int, token: str | None, branch: str
) -> Page[data.DatasetVersion]:
    """Return versions as `version` does."""
    page = data.log(scope, name, limit=limit, token=token, branch=branch)
    items = tuple(
        sensitivity.masked_version(each, sensitivity.hidden_columns(scope, each.ref))
        for each in page.items
    )
    return Page(items=items, next_token=page.next_token)


def files(scope: Scope, ref: str) -> tuple[data.DataFile, ...]:
    """Return the files of a version, to somebody who may see all that is in them.

    Raises:
        Denied: a column of it is hidden.
    """
    found = data.get_version(scope, ref)
    sensitivity.require_visible(
        found.ref, sensitivity.hidden_columns(scope, found.ref), scope.actor.name
    )
    return found.files


def rows(
    session: Session,
    found: data.DatasetVersion,
    *,
    columns: tuple[str, ...],
    where: str,
    limit: int,
) -> list[dict[str, Any]]:
    """Return rows with a mask in place of each hidden value."""
    out = privacy.hidden(session, found.ref)
    if not out:
        table = data.read_table(
            session, found, columns=columns or None, where=where or None, limit=limit
        )
        return [*table.to_pylist()]
    return sensitivity.read_masked(session, found, out, columns=columns, where=where, limit=limit)


def profile(session: Session, ref: str) -> data.Profile:
    """Return a profile that says nothing of the values of hidden columns."""
    return sensitivity.masked_profile(data.get_profile(session, ref), privacy.hidden(session, ref))


def diff(session: Session, left: str, right: str) -> data.DatasetDiff:
    """Return a diff that says nothing of the values of hidden columns."""
    found = data.diff(session, left, right)
    return sensitivity.masked_diff(
        found, privacy.hidden(session, found.left) | privacy.hidden(session, found.right)
    )


def report(session: Session, name: str, found: data.CheckReport) -> data.CheckReport:
    """Return a report without samples, where a column of the dataset is hidden."""
    if session.actor.may(Permission.SENSITIVE_READ, session.project):
        return found
    with session.begin(write=False) as scope:
        if data.find_head(scope, data.dataset_ref(name).name) is None:
            return found
    return sensitivity.masked_report(found, privacy.hidden(session, name))


def proposal(session: Session, ref: str) -> data.DatasetSpec:
    """Return expectations that say nothing of the values of hidden columns."""
    return sensitivity.masked_spec(data.propose(session, ref), privacy.hidden(session, ref))


def quarantined(session: Session, name: str, number: int, *, limit: int) -> data.QuarantinedRows:
    """Return rows that were set apart, masked."""
    found = data.read_quarantined(session, name, number, limit=limit)
    return sensitivity.masked_quarantined(found, privacy.hidden(session, found.quarantine.dataset))


def part(session: Session, ref: str, name: str) -> data.PartFile:
    """Return a part of a split as a file, to somebody who may see all that is in it.

    Raises:
        Denied: a column of it is hidden.
    """
    split = data.split_ref(ref)
    sensitivity.require_visible(split, privacy.hidden(session, split), session.actor.name)
    return data.store_part(session, ref, name)


def look(session: Session, ref: str, *, purpose: str) -> data.PartFile:
    """Return the confirming part of a split; see `part`."""
    split = data.split_ref(ref)
    sensitivity.require_visible(split, privacy.hidden(session, split), session.actor.name)
    return data.store_look(session, ref, purpose=purpose)


def prediction(session: Session, id_: str) -> serving.Prediction:
    """Return a prediction whose inputs are masked where they are sensitive."""
    found = serving.find_prediction(session, id_)
    shown = sensitivity.masked_row(found.features, privacy.hidden(session, found.model))
    return msgspec.structs.replace(found, features=shown)


def predictions(session: Session, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of the prediction log with the sensitive inputs of their models masked."""
    models = {str(row["model_ref"]) for row in found}
    out = {
        model: {f"in_{name}" for name in privacy.hidden(session, Ref.parse(model))}
        for model in models
    }
    return [sensitivity.masked_row(row, out[str(row["model_ref"])]) for row in found]
