"""Declare where a dataset is drawn from, or that it no longer is."""

import msgspec

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.declare import declare
from bucle.lifecycle.data.read import find_spec
from bucle.lifecycle.data.records import DatasetSpec
from bucle.lifecycle.data.source_spec import SourceSpec


def declare_source(scope: Scope, name: str, source: SourceSpec) -> DatasetSpec:
    """Say where a dataset is drawn from; how far it was drawn stays.

    Raises:
        Invalid: an address, a query or an option of no sense, or a secret that is written out.
        Denied: to draw what the server may reach takes the permission to apply declarations.
        Refused: rows were drawn by another watermark.
    """
    scope.require(Permission.DATASET_WRITE, Ref("dataset", name))
    spec = find_spec(scope, name) or DatasetSpec(name=name)
    return declare(scope, msgspec.structs.replace(spec, source=source))


def remove_source(scope: Scope, name: str) -> DatasetSpec:
    """Let nobody draw a dataset any more; its versions stay, how far it was drawn is forgotten.

    Raises:
        NotFound: the dataset has no source.
    """
    scope.require(Permission.DATASET_WRITE, Ref("dataset", name))
    spec = find_spec(scope, name)
    if spec is None or spec.source is None:
        raise NotFound(f"dataset:{name} has no source", hint="bucle data sources")
    return declare(scope, msgspec.structs.replace(spec, source=None))
