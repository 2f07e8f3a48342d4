"""Draft a package of a gradient-boosting model in its library's own format."""

from functools import partial
from typing import Any, Protocol

import msgspec

from bucle.base.errors import Refused
from bucle.lifecycle.registry import gaps
from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.draft import Ask, Draft, Packaging, outputs_of
from bucle.lifecycle.registry.flavors import lightgbm, native, xgboost
from bucle.lifecycle.registry.flavors.boosted import check_numbers
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import Field, Manifest, Signature


class Library(Protocol):
    """What the module of such a library offers."""

    NAME: str
    WEIGHTS: str
    PACKAGES: tuple[str, ...]

    def claims(self, model: Any) -> bool:  # noqa: ANN401 - any model
        """Tell whether a model is this library's."""
        ...

    def is_estimator(self, model: Any) -> bool:  # noqa: ANN401 - any model
        """Tell whether it answers as scikit-learn's do."""
        ...

    def names_of(self, model: Any) -> tuple[str, ...]:  # noqa: ANN401 - any model
        """Return the names of the columns it was fitted on."""
        ...

    def task_of(self, model: Any) -> tuple[str, tuple[int, ...]]:  # noqa: ANN401 - any model
        """Return the task and the classes of a bare booster."""
        ...

    def dump(self, model: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - any model
        """Return its file and options."""
        ...

    def load(self, weights: bytes, manifest: Manifest, threads: int) -> Runner:
        """Return the model of a file."""
        ...

    def runner_of(self, model: Any, manifest: Manifest) -> Runner:  # noqa: ANN401 - any model
        """Return the model itself as a runner."""
        ...


LIBRARIES: tuple[Library, ...] = (xgboost, lightgbm)


def library_of(model: Any) -> Library | None:  # noqa: ANN401 - any model
    """Return the library that keeps a model in its own format; None: another kind of model."""
    return next((library for library in LIBRARIES if library.claims(model)), None)


def draft_booster(
    library: Library,
    model: Any,  # noqa: ANN401 - any model of that library
    packaging: Packaging,
    inputs: tuple[Field, ...],
    task: str,
) -> Draft:
    """Return the model in its library's format.

    Raises:
        Invalid: an input is no number.
        Refused: the file, loaded again, does not say what the model says.
    """
    check_numbers(inputs, library.NAME)
    weights, options = library.dump(model)
    manifest = Manifest(
        flavor=library.NAME,
        task=task,
        signature=Signature(inputs=inputs, outputs=()),
        target=packaging.target,
        classes=_classes(library, model, task),
        weights=library.WEIGHTS,
        options=options,
        files={},
    )
    ask = _asking(library, model, manifest)
    inputs = gaps.nullable(ask, packaging.example, inputs)
    tables = [packaging.example] + ([packaging.check] if packaging.check is not None else [])
    columns = [columns_of(table, inputs) for table in tables]
    outputs = outputs_of(ask(columns[0]))
    signature = Signature(inputs=inputs, outputs=outputs)
    manifest = msgspec.structs.replace(manifest, signature=signature)
    runner = library.load(weights, manifest, 1)
    for part in columns:
        if unequal := difference(ask(part), runner.run(part)):
            raise Refused(
                f"{library.NAME}'s own format does not give the model's answers: {unequal}",
                hint="a standard objective is taken; allow_pickle=True keeps any other",
            )
    return Draft(
        manifest=gaps.agreed(ask, runner, manifest, columns[0]),
        weights=weights,
        packages=library.PACKAGES,
        ask=ask,
    )


def _asking(library: Library, model: Any, manifest: Manifest) -> Ask:  # noqa: ANN401 - any model
    if library.is_estimator(model):
        return partial(_of_estimator, model)
    return library.runner_of(model, manifest).run


def _of_estimator(model: Any, columns: Columns) -> dict[str, Array]:  # noqa: ANN401 - any model
    return native.run_model(model, columns)


def _classes(library: Library, model: Any, task: str) -> tuple[Any, ...]:  # noqa: ANN401 - any model
    if task != "classification":
        return ()
    if library.is_estimator(model):
        return tuple(model.classes_.tolist())
    return library.task_of(model)[1]
