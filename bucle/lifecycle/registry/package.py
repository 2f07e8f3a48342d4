"""Pack a model: weights in the safest format that gives the model's own answers, and the rest.

The weights are loaded again before the package is given back, and must say of the example what
the model says of it; a package that does not is refused here and never registered.
"""

import io
import platform
from functools import partial
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
from bucle.lifecycle.registry import given
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.boosters import Library, draft_booster, library_of
from bucle.lifecycle.registry.columns import Columns, columns_of, field_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.compiled import draft_estimator
from bucle.lifecycle.registry.draft import EXAMPLE_ROWS, Draft, Packaging, outputs_of
from bucle.lifecycle.registry.ensembles import Ensemble, draft_ensemble
from bucle.lifecycle.registry.flavors import FLAVORS, native, python, torch
from bucle.lifecycle.registry.mlmodel import MLMODEL_FILE, mlmodel_of
from bucle.lifecycle.registry.networks import draft_network
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import (
    ANSWERS_FILE,
    EXAMPLE_FILE,
    FIRST_ROW_FILE,
    PROFILE_FILE,
    REQUIREMENTS_FILE,
    SBOM_FILE,
    TASKS,
    Field,
    Manifest,
    Package,
    PackageFile,
    Signature,
)
from bucle.lifecycle.registry.requirements import lock
from bucle.lifecycle.registry.sbom import sbom


def package_model(drivers: Drivers, model: Any, packaging: Packaging) -> Package:  # noqa: ANN401 - any model
    """Pack a model into the content store.

    Raises:
        Invalid: the example lacks a column, the task is unknown, or the model fits no flavor.
        Refused: the package, loaded again, does not say what the model says.
    """
    return _stored(drivers, packaging, draft_of(model, packaging))


def draft_of(model: Any, packaging: Packaging) -> Draft:  # noqa: ANN401 - any model
    """Return a model in the safest format that gives its own answers.

    Raises:
        Invalid: as `package_model`.
        Refused: its library's own format does not give its answers.
    """
    if isinstance(model, Ensemble):
        return draft_ensemble(model, packaging, draft_of)
    library = library_of(model)
    inputs = _inputs(model, packaging, library)
    task = _task(model, packaging.task, library)
    if library:
        return draft_booster(library, model, packaging, inputs, task)
    if torch.claims(model):
        return draft_network(model, packaging, inputs, task)
    if given.claims(model):
        return given.draft_graph(model, packaging, inputs, task)
    if hasattr(model, "get_params") and hasattr(model, "predict"):
        draft = draft_estimator(model, packaging, inputs, task)
        return draft or _pickled(model, packaging, inputs, task)
    if packaging.allow_pickle:
        return _pickled(model, packaging, inputs, task)
    raise Invalid(
        f"{type(model).__name__!r} is no scikit-learn, XGBoost, LightGBM, PyTorch or ONNX "
        "model, and can be kept as a pickle only",
        hint="allow_pickle=True, if everyone who loads it may run your code",
    )


def _inputs(model: Any, packaging: Packaging, library: Library | None) -> tuple[Field, ...]:  # noqa: ANN401 - any model
    """Return the fields that the model was fitted on, or all of the example but the target."""
    example = packaging.example
    if not example.num_rows:
        raise Invalid("the input example has no rows", hint="give a few rows of training data")
    names = [name for name in example.column_names if name != packaging.target]
    if library:
        names = list(library.names_of(model)) or names
    elif native.takes_names(model):
        names = [str(name) for name in model.feature_names_in_]
    if missing := [name for name in names if name not in example.column_names]:
        raise Invalid(
            f"the input example lacks the column {missing[0]!r}, which the model was fitted on",
            hint=f"it has {', '.join(example.column_names)}",
        )
    if not names:
        raise Invalid("the input example has no column but the target")
    return tuple(field_of(example.schema.field(name)) for name in names)


def _task(model: Any, asked: str, library: Library | None) -> str:  # noqa: ANN401 - any model
    if asked and asked not in TASKS:
        raise Invalid(f"{asked!r} is not a task", hint=" or ".join(TASKS))
    if asked:
        return asked
    if library and not library.is_estimator(model):
        return library.task_of(model)[0]
    if hasattr(model, "classes_"):
        return "classification"
    kind = getattr(model, "_estimator_type", "") or _tag(model)
    return {"regressor": "regression", "classifier": "classification"}.get(kind, "other")


def _tag(model: Any) -> str:  # noqa: ANN401 - any model
    tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
    return str(getattr(tags, "estimator_type", "") or "")


def _pickled(model: Any, packaging: Packaging, inputs: tuple[Field, ...], task: str) -> Draft:  # noqa: ANN401 - any model
    columns = columns_of(packaging.example, inputs)
    weights, ask = python.dump(model), partial(python.run_model, model)
    manifest = Manifest(
        flavor="python",
        task=task,
        signature=Signature(inputs=inputs, outputs=outputs_of(ask(columns))),
        target=packaging.target,
        classes=tuple(np.asarray(getattr(model, "classes_", ())).tolist()),
        weights=python.WEIGHTS,
        files={},
    )
    packages = python.packages_of(weights)
    return Draft(manifest=manifest, weights=weights, packages=packages, ask=ask)


def _stored(drivers: Drivers, packaging: Packaging, draft: Draft) -> Package:
    """Load the weights again, compare, and store every file."""
    manifest = draft.manifest
    names = [field.name for field in manifest.signature.inputs]
    example = packaging.example.select(names).slice(0, EXAMPLE_ROWS)
    columns = columns_of(example, manifest.signature.inputs)
    runner = FLAVORS[manifest.flavor].load(draft.weights, manifest, 1)
    predictor = Predictor("", manifest, runner)
    answers = predictor.predict(columns)
    predictor.close()
    if unequal := difference(draft.ask(columns), answers):
        raise Refused(
            f"the package does not say of its example what the model says: {unequal}",
            hint="does the model depend on chance, on the time or on something outside it?",
        )
    contents = {
        manifest.weights: draft.weights,
        MLMODEL_FILE: mlmodel_of(manifest, draft.weights, python=platform.python_version()),
        EXAMPLE_FILE: parquet_bytes(example),
        FIRST_ROW_FILE: canonical_json(first_row(columns)),
        ANSWERS_FILE: parquet_bytes(answers_table(answers)),
        REQUIREMENTS_FILE: lock(draft.packages).encode(),
        SBOM_FILE: sbom(
            draft.packages,
            python=platform.python_version(),
            flavor=manifest.flavor,
        ),
    }
    if packaging.reference is not None:
        profile = _profile(drivers, packaging.reference, draft)
        contents[PROFILE_FILE] = canonical_json(profile)
    manifest = msgspec.structs.replace(manifest, files=_store(drivers.blobs, contents))
    digest = store_bytes(drivers.blobs, canonical_json(manifest))
    return Package(digest=digest, manifest=manifest, note=draft.note)


def first_row(columns: Columns) -> dict[str, object]:
    """Return the first row in plain values; null where there is none."""
    return {name: _plain_value(column[0]) for name, column in columns.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain != plain else plain  # noqa: PLR0124 - NaN


def _profile(drivers: Drivers, reference: pa.Table, draft: Draft) -> Profile:
    """Profile the training rows as the model took them, and what it says of them.

    The outputs stand under their names, after the inputs; lists (one probability per class)
    have no profile.
    """
    columns = columns_of(reference, draft.manifest.signature.inputs)
    answers = draft.ask(columns)
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
