"""Read studies and their trials."""

from datetime import datetime

from bucle.base.errors import NotFound
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tuning import store
from bucle.lifecycle.tuning.records import Study


def get_study(scope: Scope, ref: Ref) -> Study:
    """Return a study with its trials.

    Raises:
        NotFound: there is no such study.
    """
    scope.require(Permission.RUN_READ, ref)
    found = store.find_study(scope.tx, scope.project, ref.name) if ref.kind == "study" else None
    if found is None:
        raise NotFound(
            f"{ref} is not a study of project {scope.project!r}", hint="bucle tuning list"
        )
    return found


def list_studies(scope: Scope, *, limit: int = 50, token: str | None = None) -> Page[Study]:
    """List studies, the newest first, without their trials."""
    scope.require(Permission.RUN_READ)
    after = None
    if token:
        at, name = decode_token(token, str, str)
        after = (datetime.fromisoformat(str(at)), str(name))
    found = store.list_studies(scope.tx, scope.project, limit, after)
    if len(found) < limit:
        return Page(items=found)
    last = found[-1]
    return Page(items=found, next_token=encode_token(last.started_at.isoformat(), last.ref.name))
