"""Read a file of another tool, and declare what it expects of datasets.

What is declared already stays; what has no counterpart is told by name, with the reason.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import read_content
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.declare import declare
from bucle.lifecycle.data.records import DatasetSpec
from bucle.lifecycle.data.suites import dbt, great_expectations, pandera
from bucle.lifecycle.data.suites.records import ImportedSuite, Suite, SuiteFile, SuiteImport

FORMATS = ("great_expectations", "dbt", "pandera")
_MOST_BYTES = 8 << 20
_MOST_NODES = 1_000_000


def import_expectations(scope: Scope, wish: SuiteFile) -> SuiteImport:
    """Add what a suite expects to what is declared of the datasets that it is about.

    Raises:
        Invalid: the file is no suite, or does not say of which dataset.
    """
    if wish.name:
        scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(wish.name)))
    scope.require(Permission.DATASET_WRITE)
    tree = parsed(read_content(scope.drivers.blobs, wish.digest))
    format_ = wish.format or format_of_tree(tree)
    suites = _named(suites_of(tree, format_), wish.name)
    return SuiteImport(
        format=format_,
        declared=not wish.dry_run,
        suites=tuple(_imported(scope, suite, dry_run=wish.dry_run) for suite in suites),
        left_out=tuple(
            msgspec.structs.replace(left, dataset=suite.table)
            for suite in suites
            for left in suite.left_out
        ),
    )


def parsed(content: bytes) -> dict[str, Any]:
    """Return the object that a file of YAML or JSON is.

    Raises:
        Invalid: it is neither, or holds something else.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(content) > _MOST_BYTES:
        raise Invalid(f"a suite of {len(content)} bytes", hint="give one file of expectations")
    try:
        tree = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            tree = YAML(typ="safe", pure=True).load(content.decode())
        except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            raise Invalid(
                f"the file is neither JSON nor YAML: {reason}",
                hint="give a suite of Great Expectations, a schema.yml of dbt, a Pandera schema",
            ) from error
    if not isinstance(tree, dict):
        raise Invalid("the file holds no object", hint="give the whole suite, not a part of it")
    _require_moderate(tree)
    return tree


def _require_moderate(tree: object) -> None:
    """Refuse a tree that aliases of YAML make larger than its file could be."""
    waiting, count = [tree], 0
    while waiting:
        node = waiting.pop()
        count += 1
        if count > _MOST_NODES:
            raise Invalid(f"the file has more than {_MOST_NODES} values", hint="part it")
        if isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def format_of_tree(tree: Mapping[str, Any]) -> str:
    """Tell whose file it is from what is in it.

    Raises:
        Invalid: nobody's that is known.
    """
    if isinstance(tree.get("expectations"), list):
        return "great_expectations"
    if any(isinstance(tree.get(place), list) for place in dbt.PLACES):
        return "dbt"
    if isinstance(tree.get("columns"), dict):
        return "pandera"
    found = ", ".join(map(repr, list(tree)[:5])) or "nothing"
    raise Invalid(
        f"a file with {found} is no suite that is known",
        hint=f"say its format: {', '.join(FORMATS)}",
    )


def suites_of(tree: Mapping[str, Any], format_: str) -> Sequence[Suite]:
    """Return what a file expects of each of its tables.

    Raises:
        Invalid: it is not of that format, or expects nothing.
    """
    if format_ not in FORMATS:
        raise Invalid(f"{format_!r} is not a format of suites", hint=f"one of {', '.join(FORMATS)}")
    try:
        if format_ == "dbt":
            suites = dbt.read(tree)
        else:
            room = great_expectations if format_ == "great_expectations" else pandera
            suites = [room.read(tree)]
    except (AttributeError, TypeError, ValueError) as error:  # a text where an object stands
        raise Invalid(
            f"the file is not of {format_}: {error}", hint="give it as its tool wrote it"
        ) from error
    if not any(suite.expectations or suite.left_out for suite in suites):
        raise Invalid("the file expects nothing", hint="its tests stand under columns or tables")
    return suites


def _named(suites: Sequence[Suite], name: str) -> Sequence[Suite]:
    """Let a name choose the table, or be the dataset of the only one."""
    if name and len(suites) > 1:
        chosen = [suite for suite in suites if suite.table == name]
        if not chosen:
            tables = ", ".join(suite.table for suite in suites)
            raise Invalid(f"the file says nothing of {name!r}", hint=f"it has {tables}")
        return chosen
    if name:
        return [msgspec.structs.replace(suite, table=name) for suite in suites]
    if any(not suite.table for suite in suites):
        raise Invalid("the file does not say of which dataset", hint="add --name <dataset>")
    return suites


def _imported(scope: Scope, suite: Suite, *, dry_run: bool) -> ImportedSuite:
    name = check_name(suite.table)
    spec = store.find_spec(scope.tx, scope.project, name) or DatasetSpec(name=name)
    fresh = [each for each in dict.fromkeys(suite.expectations) if each not in spec.expectations]
    if fresh and not dry_run:
        declare(scope, msgspec.structs.replace(spec, expectations=(*spec.expectations, *fresh)))
    return ImportedSuite(
        dataset=Ref("dataset", name),
        expectations=suite.expectations,
        added=len(fresh),
    )
