"""Hold a view's features against what it expects of them, before they go online.

What could not be executed is refused when the view is registered.  What does not hold keeps a
materialization from being written, or is noted (`warn`); it is judged by the entities that are
written, which are those that changed where rows only came on top.
"""

from datetime import datetime

import pyarrow as pa

from bucle.base.errors import Invalid, Refused
from bucle.base.verdict import Verdict
from bucle.drivers.engine import Engine
from bucle.governance.scope import Scope
from bucle.lifecycle import data
from bucle.lifecycle.data.check import check_table
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from bucle.lifecycle.features.records import FeatureView, RegisteredView
from bucle.lifecycle.features.types import empty_of


def require_judgeable(view: FeatureView) -> None:
    """Refuse a test that features can not be held against.

    Raises:
        Invalid: it is of a column that is no feature, or sets rows apart, or needs other tables.
    """
    for each in view.tests:
        about = f"the test {each.name or each.column or each.sql or 'python'!r} of {view.name!r}"
        if each.column and each.column not in view.features:
            raise Invalid(
                f"{about} is of {each.column!r}, which is no feature of it",
                hint=f"it has {', '.join(view.features)}",
            )
        if each.action == "quarantine":
            raise Invalid(f"{about} sets rows apart", hint="action fail, or warn")
        if each.python:
            raise Invalid(f"{about} is Python", hint="write it as sql, or expect it of the dataset")
        if each.references or each.like:
            raise Invalid(
                f"{about} compares with another dataset",
                hint="expect that of the dataset; how features move: bucle features drift <view>",
            )


def check_tests(scope: Scope, view: FeatureView) -> None:
    """Try the tests on no rows, where the types of the source are known.

    Raises:
        Invalid: a test can not be executed.
    """
    source = data.dataset_ref(view.source)
    if not view.tests or view.transform or not data.find_head(scope, source.name):
        return
    rows = empty_of(data.get_version(scope, source).columns)
    if rows is None:
        return
    engine = scope.drivers.engine
    if view.sql:
        rows = engine.query(f"SELECT * FROM ({view.sql}\n) LIMIT 0", tables={"source": rows})
    keys = rows.select(list(view.entity.keys)).append_column(AT, pa.array([], pa.int64()))
    found = features_at(engine, view, rows, keys).drop_columns([EVENT])
    check_table(engine, found, spec=_spec(view), types=_types(found), now=scope.now)


def judge(
    engine: Engine, registered: RegisteredView, found: pa.Table, now: datetime
) -> tuple[Verdict, ...]:
    """Return what was found of features that are about to be written.

    Raises:
        Refused: a test that must hold does not; nothing was written.
    """
    view = registered.view
    rows = found.select(list(view.features))
    report = check_table(engine, rows, spec=_spec(view), types=_types(rows), now=now)
    if not report.ok:
        shown = f" ({report.samples[0]})" if report.samples else ""
        raise Refused(
            f"{registered.ref} stays online as it was: its tests do not hold{shown}",
            because=[each for each in report.verdicts if each.name in report.breaks],
        )
    return report.verdicts


def _spec(view: FeatureView) -> data.DatasetSpec:
    return data.DatasetSpec(name=view.name, expectations=view.tests)


def _types(rows: pa.Table) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in rows.schema}
