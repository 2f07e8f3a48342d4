"""The verb of expectations that come from other tools."""

from typing import Annotated, Literal

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data


class ImportSuite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite of Great Expectations, a schema.yml of dbt or a schema of Pandera."""

    file: Upload
    name: Annotated[
        str, msgspec.Meta(description="the dataset; left out: as the file calls its tables")
    ] = ""
    format: Annotated[
        Literal["", "great_expectations", "dbt", "pandera"],
        msgspec.Meta(description="left out: what the file looks like"),
    ] = ""
    dry_run: Annotated[bool, msgspec.Meta(description="show what would be, declare nothing")] = (
        False
    )


def _import(scope: Scope, q: ImportSuite) -> data.SuiteImport:
    wish = data.SuiteFile(digest=q.file.digest, name=q.name, format=q.format, dry_run=q.dry_run)
    return data.import_expectations(scope, wish)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.import_expectations",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/expectations",
        request=ImportSuite,
        response=data.SuiteImport,
        run=_import,
        events=("dataset.declared",),
        positional=("file",),
        summary="Declare what a suite of Great Expectations, dbt or Pandera expects.",
        summary_es="Declara lo que espera una suite de Great Expectations, dbt o Pandera.",
    ),
)
