"""What is declared of a dataset laid over what people wrote of it, and kept where it is found."""

from itertools import chain

import msgspec

from bucle.base.refs import Ref
from bucle.drivers.db import Tx
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.write import put_findable
from bucle.lifecycle.data import store as datasets
from bucle.lifecycle.data.catalog import store
from bucle.lifecycle.data.catalog.records import Written
from bucle.lifecycle.data.records import ColumnNote, DatasetSpec, Sensitivity

SCALARS = ("owner", "description", "licence", "fresh_within")


def merged(spec: DatasetSpec | None, written: Written) -> Written:
    """Lay what is declared over what people wrote: `bucle.yaml` is the source of truth.  Pure."""
    if spec is None:
        return written
    said = {name: getattr(spec, name) or getattr(written, name) for name in SCALARS}
    columns = {
        name: note_over(spec.columns.get(name, ColumnNote()), written.columns.get(name))
        for name in dict.fromkeys((*spec.columns, *written.columns))
    }
    return Written(
        **said,
        tags=tuple(dict.fromkeys((*spec.tags, *written.tags))),
        links=written.links | spec.links,
        columns=columns,
    )


def note_over(upper: ColumnNote, lower: ColumnNote | None) -> ColumnNote:
    """Lay what is said of a column over what was said before.  Pure."""
    if lower is None:
        return upper
    fields = ColumnNote.__struct_fields__
    return ColumnNote(**{name: getattr(upper, name) or getattr(lower, name) for name in fields})


def sensitivity_of(tx: Tx, project: str, dataset: str) -> dict[str, Sensitivity]:
    """Return how sensitive columns are, as a person declared or confirmed; others are not in it.

    The levels rise: none, personal, sensitive, secret.
    """
    columns = said_of(tx, project, dataset).columns
    return {name: note.sensitivity for name, note in columns.items() if note.sensitivity}


def sensitive_projects(tx: Tx) -> tuple[str, ...]:
    """Return the projects in which somebody said of a column that it is sensitive."""
    declared = ((project, spec.columns) for project, spec in datasets.list_all_specs(tx))
    written = ((project, said.columns) for project, said in store.list_written(tx))
    return tuple(
        dict.fromkeys(
            project
            for project, columns in chain(declared, written)
            if any(note.sensitivity not in {"", "none"} for note in columns.values())
        )
    )


def said_of(tx: Tx, project: str, dataset: str) -> Written:
    """Return all that is said of a dataset, declared or written."""
    spec = datasets.find_spec(tx, project, dataset)
    return merged(spec, store.find_written(tx, project, dataset))


def keep_found(scope: Scope, name: str) -> None:
    """Write what can be found of a dataset, and how fresh it should be."""
    scope.require(Permission.DATASET_WRITE, Ref("dataset", name))
    said = said_of(scope.tx, scope.project, name)
    head = datasets.find_head(scope.tx, scope.project, name)
    version = datasets.find_version(scope.tx, scope.project, name, head) if head else None
    names = version.column_names if version else tuple(said.columns)
    put_findable(
        scope,
        Findable(
            ref=Ref("dataset", name),
            owner=said.owner,
            description=said.description,
            tags=said.tags,
            columns=tuple(_found(each, said.columns.get(each)) for each in names),
        ),
    )
    store.set_objective(scope.tx, scope.project, name, said.fresh_within)


def _found(name: str, note: ColumnNote | None) -> FoundColumn:
    if note is None:
        return FoundColumn(name=name)
    meaning = " ".join(filter(None, (note.meaning, note.unit)))
    return FoundColumn(name=name, meaning=meaning, sensitivity=note.sensitivity)


def replaced(note: ColumnNote | None, **fields: str | None) -> ColumnNote:
    """Return a note with the fields that are given; `None` leaves one as it is.  Pure."""
    given = {name: value for name, value in fields.items() if value is not None}
    return msgspec.structs.replace(note or ColumnNote(), **given)
