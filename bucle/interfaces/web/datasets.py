"""A dataset: its versions, what is expected of it, and what its columns look like."""

from itertools import pairwise

import msgspec
from markupsafe import Markup

from bucle.base.refs import Ref
from bucle.interfaces.operations import masking
from bucle.interfaces.web.charts import histogram
from bucle.interfaces.web.formats import number
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


def dataset_page(visit: Visit, name: str) -> DatasetPage:
    """Show a version of a dataset; without one, the newest."""
    ref = Ref.parse(name, kind="dataset")
    with visit.session.begin(write=False) as scope:
        version = masking.version(scope, str(ref))
        log = data.log(scope, ref.name, limit=25, token=visit.query.get("token"))
    profile = masking.profile(visit.session, str(version.ref))
    types = {column.name: column.type for column in version.columns}
    return DatasetPage(
        project=visit.project,
        name=ref.name,
        version=version,
        versions=log.items,
        next_token=log.next_token,
        columns=tuple(
            ColumnRow(profile=one, type=types.get(one.name, one.kind), bars=_bars(one))
            for one in profile.columns
        ),
    )


def _bars(column: data.ColumnProfile) -> Markup:
    if column.edges:
        return histogram(column.counts, _stretches(column), label=column.name)
    counts = [count for _, count in column.top] + ([column.other] if column.other else [])
    labels = [str(value) for value, _ in column.top] + (["…"] if column.other else [])
    return histogram(counts, labels, label=column.name)


def _stretches(column: data.ColumnProfile) -> list[str]:
    edges = [number(edge) for edge in column.edges]
    inner = [f"{low} – {high}" for low, high in pairwise(edges)]
    return [f"≤ {edges[0]}", *inner, f"> {edges[-1]}"]
