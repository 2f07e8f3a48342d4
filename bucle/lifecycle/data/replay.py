"""Commit rows that were set apart, as they are or corrected."""

import msgspec
import pyarrow.compute as pc

from bucle.base.errors import Invalid
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.data.commit import commit, commit_table
from bucle.lifecycle.data.quarantine.keep import mark, require_open
from bucle.lifecycle.data.quarantine.read import MARKS, get_quarantine, rows_apart
from bucle.lifecycle.data.quarantine.sift import FILE
from bucle.lifecycle.data.records import Commit, DatasetVersion


def replay(session: Session, wish: Commit, number: int = 0) -> DatasetVersion:
    """Append the rows of a quarantine to their dataset, and note as what.

    With files, those are the corrected rows; without, the rows are judged as they are by what is
    declared now.  What breaks an expectation again is set apart again, in a quarantine of its
    own.  To repeat a replay that was interrupted is safe.

    Raises:
        NotFound: there is no such quarantine.
        Conflict: it was replayed already.
        Invalid: without files, there are lines that are no rows.
        Refused: the rows break what refuses a commit.
    """
    with session.begin(write=False) as scope:
        found = get_quarantine(scope, wish.name, number)
        scope.require(Permission.DATASET_WRITE, found.dataset.bare)
    require_open(found)
    message = wish.message or f"replay of quarantine {found.number}"
    if wish.files:
        made = commit(session, msgspec.structs.replace(wish, mode="append", message=message))
    else:
        if found.lines:
            raise Invalid(
                f"quarantine {found.number} of {found.dataset.bare} holds {found.lines} lines that "
                "are no rows",
                hint="write the corrected rows to a file, and replay with it",
            )
        rows = rows_apart(session, found)
        rows = rows.filter(pc.is_null(rows.column(FILE))).drop_columns(list(MARKS))
        made = commit_table(session, wish.name, rows, mode="append", message=message)
    with session.begin() as scope:
        mark(scope, found, made.ref)
    return made
