"""Draft a package of a scikit-learn model: compiled where that is proven equal, else the model.

Engines are tried from the quickest on.  One is taken only if it gives the model's own answers,
classes exactly and numbers closely, on the input example, on the rows that the version will be
judged on, and on rows made of the example's values in other combinations.  The manifest says on
how many, and why a quicker engine was refused.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry import gaps
from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.compare import PROOF as CLOSELY
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.draft import Ask, Draft, Packaging, outputs_of
from bucle.lifecycle.registry.flavors import linear, native, onnx, skops
from bucle.lifecycle.registry.fold import NotLinearError, fold
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import NOTE, PROOF, TEXT, Field, Manifest, Signature

_SHUFFLED = 256
_SEED = 5


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run a model without its library, or the reason why there is none."""

    flavor: str
    told: str  # the engine in words
    weights_name: str = ""
    weights: bytes = b""
    options: dict[str, str] = {}
    packages: tuple[str, ...] = ()
    note: str = ""  # "": there is one


def draft_estimator(
    model: Any,  # noqa: ANN401 - any scikit-learn estimator
    packaging: Packaging,
    inputs: tuple[Field, ...],
    task: str,
) -> Draft | None:
    """Return a model compiled or, where no engine is equal, as skops; None: a pickle it must be.

    Raises:
        Invalid: no format keeps it, and nobody allowed a pickle.
    """
    ask: Ask = partial(native.run_model, model)
    inputs = gaps.nullable(ask, packaging.example, inputs)
    given = [packaging.example] + ([packaging.check] if packaging.check is not None else [])
    tables: list[Columns] = [columns_of(table, inputs) for table in given]
    expected = [ask(columns) for columns in tables]
    manifest = Manifest(
        flavor=onnx.NAME,
        task=task,
        signature=Signature(inputs=inputs, outputs=outputs_of(expected[0])),
        target=packaging.target,
        classes=tuple(np.asarray(getattr(model, "classes_", ())).tolist()),
        weights=onnx.WEIGHTS,
        files={},
    )
    shuffled = _shuffled(tables[0])
    tables.append(shuffled)
    expected.append(ask(shuffled))
    refusals: list[str] = []
    for candidate in _candidates(model, inputs):
        runner = _tried(candidate, manifest, tables, expected, refusals)
        if runner is None:
            continue
        chosen = _manifest_of(candidate, manifest)
        chosen = gaps.agreed(ask, runner, chosen, tables[0])
        return _noted(
            Draft(manifest=chosen, weights=candidate.weights, packages=candidate.packages, ask=ask),
            proof=_proof(tables),
            note="; ".join(refusals),
        )
    return _kept(model, packaging, manifest, ask, "; ".join(refusals))


def _kept(
    model: Any,  # noqa: ANN401 - any scikit-learn estimator
    packaging: Packaging,
    manifest: Manifest,
    ask: Ask,
    note: str,
) -> Draft | None:
    """Return the model itself, in the form that skops rebuilds."""
    try:
        weights = skops.dump(model)
    except Invalid as error:
        if packaging.allow_pickle:
            return None
        raise Invalid(error.message, hint=error.hint or note) from error
    frames = ("pandas",) if native.takes_names(model) else ()
    draft = Draft(
        manifest=msgspec.structs.replace(manifest, flavor=skops.NAME, weights=skops.WEIGHTS),
        weights=weights,
        packages=(*skops.PACKAGES, *frames),
        ask=ask,
    )
    return _noted(draft, proof="", note=note)


def _noted(draft: Draft, *, proof: str, note: str) -> Draft:
    said = {key: text for key, text in ((PROOF, proof), (NOTE, note)) if text}
    options = draft.manifest.options | said
    manifest = msgspec.structs.replace(draft.manifest, options=options)
    return msgspec.structs.replace(draft, manifest=manifest, note=note)


def _candidates(model: Any, inputs: tuple[Field, ...]) -> Iterator[Candidate]:  # noqa: ANN401 - any estimator
    """Yield the engines, the quickest first."""
    try:
        yield Candidate(
            flavor=linear.NAME,
            told="one sum",
            weights_name=linear.WEIGHTS,
            weights=fold(model, inputs),
            packages=linear.PACKAGES,
        )
    except (NotLinearError, AttributeError, LookupError, TypeError, ValueError) as error:
        # All but the first: a release of scikit-learn whose fitted attributes are others.
        yield Candidate(flavor=linear.NAME, told="one sum", note=_first_line(error))
    by_name = native.selects_by_name(model) or any(field.type == TEXT for field in inputs)
    for made in onnx.conversions(model, inputs, by_name=by_name):
        yield Candidate(
            flavor=onnx.NAME,
            told=f"ONNX in {made.options.get('element', 'any')} precision",
            weights_name=onnx.WEIGHTS,
            weights=made.weights,
            options=made.options,
            packages=onnx.PACKAGES,
            note=made.note.strip(),
        )


def _tried(
    candidate: Candidate,
    manifest: Manifest,
    tables: Sequence[Columns],
    expected: Sequence[dict[str, Array]],
    refusals: list[str],
) -> Runner | None:
    """Return the engine if it is equal, else add the reason to the refusals."""
    if candidate.note:
        refusals.append(f"{candidate.told}: {candidate.note}")
        return None
    chosen = _manifest_of(candidate, manifest)
    failures = onnx.runtime_errors() if candidate.flavor == onnx.NAME else (Invalid, ValueError)
    try:
        loader = onnx if candidate.flavor == onnx.NAME else linear
        runner: Runner = loader.load(candidate.weights, chosen, 1)
        found = [runner.run(columns) for columns in tables]
    except failures as error:
        refusals.append(f"{candidate.told}: {_first_line(error)}")
        return None
    unequal = [difference(*pair, tolerance=CLOSELY) for pair in zip(expected, found, strict=True)]
    if any(unequal):
        refusals.append(f"{candidate.told}: {next(filter(None, unequal))}")
        return None
    return runner


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _manifest_of(candidate: Candidate, manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(
        manifest,
        flavor=candidate.flavor,
        weights=candidate.weights_name,
        options=candidate.options,
    )


def _shuffled(columns: Columns) -> dict[str, Array]:
    """Return rows of the example's values, each column drawn by itself: other combinations."""
    rng = np.random.default_rng(_SEED)
    return {
        name: column[rng.integers(0, len(column), _SHUFFLED)] for name, column in columns.items()
    }


def _proof(tables: Sequence[Columns]) -> str:
    counts = [len(next(iter(columns.values()))) for columns in tables]
    example, *judged, shuffled = counts
    told = [f"{example} of the input example"]
    told += [f"{count} to judge it on" for count in judged]
    told.append(f"{shuffled} combinations of the example's values")
    return (
        f"equal to the model's own answers on {sum(counts)} rows ({', '.join(told)}): classes "
        f"exactly, numbers within {CLOSELY:g}"
    )
