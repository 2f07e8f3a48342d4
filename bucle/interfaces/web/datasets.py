"""A dataset: its versions, what is expected of it, and what its columns look like."""

import msgspec
from markupsafe import Markup

from bucle.base.refs import Ref
from bucle.interfaces.operations import masking
from bucle.interfaces.web.catalog import CatalogPanel, catalog_panel
from bucle.interfaces.web.explored_charts import distribution
from bucle.interfaces.web.visit import Visit
from bucle.lifecycle import data


class ColumnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A column and its distribution."""

    profile: data.ColumnProfile
    type: str
    bars: Markup


class DatasetPage(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, at one of its versions."""

    project: str
    name: str
    version: data.DatasetVersion
    versions: tuple[data.DatasetVersion, ...]
    next_token: str | None  # None: these were the first
    columns: tuple[ColumnRow, ...]
    readiness: data.Readiness  # what is decided for the version
    catalog: CatalogPanel


def dataset_page(visit: Visit, name: str) -> DatasetPage:
    """Show a version of a dataset; without one, the newest."""
    ref = Ref.parse(name, kind="dataset")
    with visit.session.begin(write=False) as scope:
        version = masking.version(scope, str(ref))
        log = data.log(scope, ref.name, limit=25, token=visit.query.get("token"))
        readiness = data.decision_of(scope, version.ref)
    profile = masking.profile(visit.session, str(version.ref))
    types = {column.name: column.type for column in version.columns}
    return DatasetPage(
        project=visit.project,
        name=ref.name,
        version=version,
        versions=log.items,
        next_token=log.next_token,
        readiness=readiness,
        catalog=catalog_panel(visit, ref.name),
        columns=tuple(
            ColumnRow(profile=one, type=types.get(one.name, one.kind), bars=distribution(one))
            for one in profile.columns
        ),
    )
