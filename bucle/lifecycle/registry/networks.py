"""Draft a package of a network of PyTorch, in the first form that gives the network's answers."""

from functools import partial
from typing import Any

import msgspec
import numpy as np

from bucle.base.errors import Invalid, Refused
from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.draft import Draft, Packaging, outputs_of
from bucle.lifecycle.registry.flavors import torch
from bucle.lifecycle.registry.flavors.boosted import check_numbers
from bucle.lifecycle.registry.records import NOTE, Field, Manifest, Signature

_CLASSES = "classes_"  # where a network may say what its scores are of, as scikit-learn's models do


def draft_network(
    model: Any,  # noqa: ANN401 - one that the flavor claims
    packaging: Packaging,
    inputs: tuple[Field, ...],
    task: str,
) -> Draft:
    """Return the network as an exported program, as TorchScript if it is that, or as weights.

    Raises:
        Invalid: an input is no number, or no form keeps the network.
        NotInstalled: PyTorch is missing.
    """
    check_numbers(inputs, torch.NAME)
    library = torch.library()
    module = model.module() if not hasattr(model, "eval") else model.eval()
    tables = [packaging.example] + ([packaging.check] if packaging.check is not None else [])
    columns = [columns_of(table, inputs) for table in tables]
    manifest = _manifest(library, model, module, packaging, (inputs, task, columns[0]))
    own = torch.TorchRunner(library, module, manifest, 1)
    signature = Signature(inputs=inputs, outputs=outputs_of(own.run(columns[0])))
    manifest = msgspec.structs.replace(manifest, signature=signature)
    notes: list[str] = []
    for form in _forms(model):
        try:
            weights, options = torch.dump(model, _rows(columns[0]), form)
            chosen = msgspec.structs.replace(
                manifest, weights=torch.FILES[form], options=manifest.options | options
            )
            _compare(torch.load(weights, chosen, 1), own, columns)
        except (Invalid, Refused) as error:
            notes.append(f"{form}: {error.message}")
            continue
        if notes:
            chosen = msgspec.structs.replace(
                chosen, options=chosen.options | {NOTE: "; ".join(notes)}
            )
        return Draft(
            manifest=chosen,
            weights=weights,
            packages=torch.PACKAGES,
            ask=partial(_asked, own),
            note="; ".join(notes),
        )
    raise Invalid(
        f"no form keeps {type(model).__name__}: {'; '.join(notes)}",
        hint="torch.jit.script(model), or a class that an installed module holds",
    )


def _asked(own: torch.TorchRunner, columns: Columns) -> dict[str, Array]:
    return own.run(columns)


def _forms(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - one that the flavor claims
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if "ScriptModule" in kinds:
        return (torch.SCRIPT,)
    if "ExportedProgram" in kinds:
        return (torch.EXPORTED,)
    return (torch.EXPORTED, torch.WEIGHTS)


def _rows(columns: Columns) -> Array:
    """Return rows x inputs, two at least: of one row PyTorch would think it is always one."""
    matrix = np.column_stack([part.astype(np.float32) for part in columns.values()])
    return np.concatenate([matrix, matrix])[: max(2, min(len(matrix), 8))]


def _manifest(
    library: Any,  # noqa: ANN401 - untyped
    model: Any,  # noqa: ANN401 - one that the flavor claims
    module: Any,  # noqa: ANN401 - what is called
    packaging: Packaging,
    known: tuple[tuple[Field, ...], str, Columns],
) -> Manifest:
    inputs, task, columns = known
    options: dict[str, str] = {}
    classes: tuple[Any, ...] = ()
    if task == "classification":
        scores = torch.scores_of(library, module, _rows(columns))
        width = scores.shape[1] if scores.ndim > 1 else 2
        named = getattr(model, _CLASSES, None)
        classes = tuple(np.asarray(named).tolist()) if named is not None else tuple(range(width))
        if len(classes) != width:
            raise Invalid(f"the network gives {width} scores for {len(classes)} classes")
        options[torch.SCORES] = torch.PROBABILITIES if _are_shares(scores) else torch.LOGITS
    return Manifest(
        flavor=torch.NAME,
        task=task,
        signature=Signature(inputs=inputs, outputs=()),
        target=packaging.target,
        classes=classes,
        options=options,
        files={},
    )


def _are_shares(scores: Array) -> bool:
    """Tell whether scores are probabilities already: between 0 and 1, and of a row 1 together."""
    if scores.min() < 0 or scores.max() > 1:
        return False
    return scores.ndim == 1 or bool(np.allclose(scores.sum(axis=1), 1.0, atol=1e-5))


def _compare(
    runner: torch.TorchRunner, own: torch.TorchRunner, columns: list[dict[str, Array]]
) -> None:
    """Compare on all rows, and on one alone: an export may know one number of rows only."""
    alone = {name: column[:1] for name, column in columns[0].items()}
    for part in (alone, *columns):
        if unequal := difference(own.run(part), runner.run(part)):
            raise Refused(unequal)
