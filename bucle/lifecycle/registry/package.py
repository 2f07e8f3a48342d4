"""Pack a model: weights in the safest format that gives the model's own answers, and the rest.

The weights are loaded again before the package is given back, and must say of the example what
the model says of it; a package that does not is refused here and never registered.
"""

import io
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid, Refused
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_bytes
from bucle.drivers.house import Drivers
from bucle.lifecycle.data import Profile, profile_table
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.columns import Array, Columns, columns_of, field_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.flavors import FLAVORS, native, onnx, python, skops
from bucle.lifecycle.registry.predictor import Predictor, Runner
from bucle.lifecycle.registry.records import (
    ANSWERS_FILE,
    EXAMPLE_FILE,
    FLOAT,
    INTEGER,
    MATRIX,
    PROFILE_FILE,
    REQUIREMENTS_FILE,
    TASKS,
    TEXT,
    Field,
    Manifest,
    Package,
    PackageFile,
    Signature,
)
from bucle.lifecycle.registry.requirements import lock

_EXAMPLE_ROWS = 100


class Packaging(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is made of besides the model."""

    example: pa.Table  # some rows of input, as the model will get them; at most 100 are kept
    target: str = ""  # "": the model has no target column
    task: str = ""  # "": asked of the model
    reference: pa.Table | None = None  # None: no profile of the training rows is kept
    check: pa.Table | None = None  # None: only the example decides whether ONNX is equal
    allow_pickle: bool = False


class _Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest in the making, and its weights."""

    manifest: Manifest
    weights: bytes
    packages: tuple[str, ...]
    note: str = ""


def package_model(drivers: Drivers, model: Any, packaging: Packaging) -> Package:  # noqa: ANN401 - any model
    """Pack a model into the content store.

    Raises:
        Invalid: the example lacks a column, the task is unknown, or the model fits no flavor.
        Refused: the package, loaded again, does not say what the model says.
    """
    inputs = _inputs(model, packaging)
    task = _task(model, packaging.task)
    is_estimator = hasattr(model, "get_params") and hasattr(model, "predict")
    if not is_estimator and not packaging.allow_pickle:
        raise Invalid(
            f"{type(model).__name__!r} is no scikit-learn model, and can be kept as a pickle only",
            hint="allow_pickle=True, if everyone who loads it may run your code",
        )
    plan = _plan(model, packaging, inputs, task) if is_estimator else None
    draft = plan or _pickled(model, packaging, inputs, task)
    return _stored(drivers, model, packaging, draft)


def _inputs(model: Any, packaging: Packaging) -> tuple[Field, ...]:  # noqa: ANN401 - any model
    """Return the fields that the model was fitted on, or all of the example but the target."""
    example = packaging.example
    if not example.num_rows:
        raise Invalid("the input example has no rows", hint="give a few rows of training data")
    names = [name for name in example.column_names if name != packaging.target]
    if native.takes_names(model):
        names = [str(name) for name in model.feature_names_in_]
    if missing := [name for name in names if name not in example.column_names]:
        raise Invalid(
            f"the input example lacks the column {missing[0]!r}, which the model was fitted on",
            hint=f"it has {', '.join(example.column_names)}",
        )
    if not names:
        raise Invalid("the input example has no column but the target")
    return tuple(field_of(example.schema.field(name)) for name in names)


def _task(model: Any, asked: str) -> str:  # noqa: ANN401 - any model
    if asked and asked not in TASKS:
        raise Invalid(f"{asked!r} is not a task", hint=" or ".join(TASKS))
    if asked:
        return asked
    if hasattr(model, "classes_"):
        return "classification"
    kind = getattr(model, "_estimator_type", "") or _tag(model)
    return {"regressor": "regression", "classifier": "classification"}.get(kind, "other")


def _tag(model: Any) -> str:  # noqa: ANN401 - any model
    tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
    return str(getattr(tags, "estimator_type", "") or "")


def _plan(
    model: Any,  # noqa: ANN401 - any scikit-learn estimator
    packaging: Packaging,
    inputs: tuple[Field, ...],
    task: str,
) -> _Draft | None:
    """Return a scikit-learn model as ONNX if that gives its answers, else as skops."""
    inputs = _nullable(model, packaging, inputs)
    rows = [packaging.example] + ([packaging.check] if packaging.check is not None else [])
    tables = [columns_of(table, inputs) for table in rows]
    expected = [native.run_model(model, columns) for columns in tables]
    manifest = Manifest(
        flavor="onnx",
        task=task,
        signature=Signature(inputs=inputs, outputs=_outputs(expected[0])),
        target=packaging.target,
        classes=tuple(np.asarray(getattr(model, "classes_", ())).tolist()),
        weights=onnx.WEIGHTS,
        files={},
    )
    draft, notes = _as_onnx(model, manifest, tables, expected)
    if draft:
        return draft
    note = "; ".join(notes)
    try:
        weights = skops.dump(model)
    except Invalid as error:
        if packaging.allow_pickle:
            return None
        raise Invalid(error.message, hint=error.hint or note) from error
    frames = ("pandas",) if native.takes_names(model) else ()
    return _Draft(
        manifest=msgspec.structs.replace(manifest, flavor="skops", weights=skops.WEIGHTS),
        weights=weights,
        packages=(*skops.PACKAGES, *frames),
        note=note,
    )


def _as_onnx(
    model: Any,  # noqa: ANN401 - any scikit-learn estimator
    manifest: Manifest,
    tables: Sequence[Columns],
    expected: Sequence[dict[str, Array]],
) -> tuple[_Draft | None, list[str]]:
    """Return the first graph that gives the model's answers, or why there is none."""
    notes: list[str] = []
    inputs = manifest.signature.inputs
    by_name = native.selects_by_name(model) or any(field.type == TEXT for field in inputs)
    for made in onnx.conversions(model, inputs, by_name=by_name):
        if not made.weights:
            notes.append(made.note)
            continue
        chosen = msgspec.structs.replace(manifest, options=made.options)
        try:
            runner = onnx.load(made.weights, chosen, 1)
            found = [runner.run(columns) for columns in tables]
        except onnx.runtime_errors() as error:
            notes.append(f"onnx ({made.options['element']}): {str(error)[:200]}")
            continue
        unequal = [difference(*pair) for pair in zip(expected, found, strict=True)]
        if not any(unequal):
            chosen = _agreed_gaps(model, runner, chosen, tables[0])
            return _Draft(manifest=chosen, weights=made.weights, packages=onnx.PACKAGES), notes
        notes.append(f"onnx ({made.options['element']}): {next(filter(None, unequal))}")
    return None, notes


def _nullable(model: Any, packaging: Packaging, inputs: tuple[Field, ...]) -> tuple[Field, ...]:  # noqa: ANN401 - any estimator
    """Mark the inputs where the model itself answers without a value.

    A model that was never shown a gap may still take one (trees do) or fail on it (most do):
    it is asked, column by column, because afterwards a gap is either served or refused.
    """
    opened = tuple(msgspec.structs.replace(field, nullable=True) for field in inputs)
    columns = columns_of(packaging.example.slice(0, _EXAMPLE_ROWS), opened)
    return tuple(
        msgspec.structs.replace(field, nullable=_copes(model, columns, field)) for field in inputs
    )


def _copes(model: Any, columns: Columns, field: Field) -> bool:  # noqa: ANN401 - any estimator
    if field.type not in {FLOAT, INTEGER}:
        return any(value is None for value in columns[field.name])
    try:
        answers = native.run_model(model, _with_gap(columns, field))
    except (ValueError, TypeError, IndexError, KeyError):
        return False
    return all(not _has_nan(column) for column in answers.values())


def _agreed_gaps(model: Any, runner: Runner, manifest: Manifest, columns: Columns) -> Manifest:  # noqa: ANN401 - any estimator
    """Keep an input nullable only where the graph answers a gap as the model does."""
    signature = manifest.signature
    inputs = tuple(
        msgspec.structs.replace(
            field, nullable=field.nullable and _same_gap(model, runner, columns, field)
        )
        for field in signature.inputs
    )
    agreed = msgspec.structs.replace(signature, inputs=inputs)
    return msgspec.structs.replace(manifest, signature=agreed)


def _same_gap(model: Any, runner: Runner, columns: Columns, field: Field) -> bool:  # noqa: ANN401 - any estimator
    if field.type not in {FLOAT, INTEGER}:
        return True  # its gaps, if any, were in the rows that were compared
    gap = _with_gap(columns, field)
    return not difference(native.run_model(model, gap), runner.run(gap))


def _with_gap(columns: Columns, field: Field) -> dict[str, Array]:
    return {**columns, field.name: np.full(len(columns[field.name]), np.nan)}


def _has_nan(column: Array) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).any())


def _outputs(answers: dict[str, Array]) -> tuple[Field, ...]:
    return tuple(
        Field(name=name, type=MATRIX if column.ndim > 1 else _output_type(column))
        for name, column in answers.items()
    )


def _output_type(column: Array) -> str:
    return {"f": FLOAT, "i": INTEGER, "b": "bool"}.get(column.dtype.kind, TEXT)


def _pickled(model: Any, packaging: Packaging, inputs: tuple[Field, ...], task: str) -> _Draft:  # noqa: ANN401 - any model
    columns = columns_of(packaging.example, inputs)
    weights = python.dump(model)
    manifest = Manifest(
        flavor="python",
        task=task,
        signature=Signature(inputs=inputs, outputs=_outputs(python.run_model(model, columns))),
        target=packaging.target,
        classes=tuple(np.asarray(getattr(model, "classes_", ())).tolist()),
        weights=python.WEIGHTS,
        files={},
    )
    return _Draft(manifest=manifest, weights=weights, packages=python.packages_of(weights))


def _stored(drivers: Drivers, model: Any, packaging: Packaging, draft: _Draft) -> Package:  # noqa: ANN401 - any model
    """Load the weights again, compare, and store every file."""
    manifest = draft.manifest
    names = [field.name for field in manifest.signature.inputs]
    example = packaging.example.select(names).slice(0, _EXAMPLE_ROWS)
    columns = columns_of(example, manifest.signature.inputs)
    runner = FLAVORS[manifest.flavor].load(draft.weights, manifest, 1)
    predictor = Predictor("", manifest, runner)
    answers = predictor.predict(columns)
    predictor.close()
    if unequal := difference(_own_answers(model, manifest, columns), answers):
        raise Refused(
            f"the package does not say of its example what the model says: {unequal}",
            hint="does the model depend on chance, on the time or on something outside it?",
        )
    contents = {
        manifest.weights: draft.weights,
        EXAMPLE_FILE: parquet_bytes(example),
        ANSWERS_FILE: parquet_bytes(answers_table(answers)),
        REQUIREMENTS_FILE: lock(draft.packages).encode(),
    }
    if packaging.reference is not None:
        profile = _profile(drivers, model, packaging.reference, manifest)
        contents[PROFILE_FILE] = canonical_json(profile)
    manifest = msgspec.structs.replace(manifest, files=_store(drivers.blobs, contents))
    digest = store_bytes(drivers.blobs, canonical_json(manifest))
    return Package(digest=digest, manifest=manifest, note=draft.note)


def _own_answers(model: Any, manifest: Manifest, columns: Columns) -> dict[str, Array]:  # noqa: ANN401 - any model
    run = python.run_model if manifest.flavor == "python" else native.run_model
    return run(model, columns)


def _profile(drivers: Drivers, model: Any, reference: pa.Table, manifest: Manifest) -> Profile:  # noqa: ANN401 - any model
    """Profile the training rows as the model took them, and what it says of them.

    The outputs stand under their names, after the inputs; lists (one probability per class)
    have no profile.
    """
    columns = columns_of(reference, manifest.signature.inputs)
    answers = _own_answers(model, manifest, columns)
    table = reference.select(list(columns))
    for name, column in answers.items():
        if column.ndim == 1 and name not in columns:
            table = table.append_column(name, pa.array(column))
    return profile_table(drivers.engine, table)


def _store(blobs: BlobStore, contents: dict[str, bytes]) -> dict[str, PackageFile]:
    return {
        name: PackageFile(digest=store_bytes(blobs, content), size_bytes=len(content))
        for name, content in contents.items()
    }


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file; an equal table gives equal bytes."""
    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), target, compression="zstd")
    return target.getvalue()
