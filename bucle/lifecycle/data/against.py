"""Get what expectations compare a dataset with: other datasets' columns, and profiles."""

from collections.abc import Mapping

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.drivers.compute import Compute
from bucle.drivers.engine import TableSource
from bucle.governance.session import Session
from bucle.lifecycle.data.known import Known
from bucle.lifecycle.data.profiled import get_profile
from bucle.lifecycle.data.read import get_version, rows_of
from bucle.lifecycle.data.records import DatasetSpec, DatasetVersion, Profile
from bucle.lifecycle.data.refer import referenced


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside the table that is judged, by what expectations call it."""

    tables: Mapping[str, TableSource] = {}
    profiles: Mapping[str, Profile] = {}
    known: Known | None = None  # None: nothing; else what needs no look at the table itself
    compute: Compute | None = None  # where Python runs; None: it does not


NOTHING = Against()


def gather(session: Session, spec: DatasetSpec, known: Known | None = None) -> Against:
    """Return the versions that a dataset's expectations name, as they are now.

    Raises:
        Invalid: one of them is not there, so that the expectation can not be executed.
    """
    tables, profiles = {}, {}
    for each in spec.expectations:
        if each.references:
            dataset, column = referenced(each.references)
            version = _version(session, dataset, each.references)
            if column not in version.column_names:
                raise Invalid(
                    f"the expectation on {each.references!r} can not be executed: "
                    f"{version.ref} has no column {column!r}",
                    hint=f"it has {', '.join(version.column_names)}",
                )
            tables[dataset] = rows_of(session.drivers, version.files)
        if each.like:
            profiles[each.like] = get_profile(session, _version(session, each.like, each.like))
    asks_python = any(each.python for each in spec.expectations)
    compute = session.drivers.compute if asks_python else None
    return Against(tables=tables, profiles=profiles, known=known, compute=compute)


def _version(session: Session, dataset: str, said: str) -> DatasetVersion:
    try:
        with session.begin(write=False) as scope:
            return get_version(scope, dataset)
    except NotFound as error:
        raise Invalid(
            f"the expectation on {said!r} can not be executed: {error}",
            hint="commit that dataset first, or name a version that is there",
        ) from error
