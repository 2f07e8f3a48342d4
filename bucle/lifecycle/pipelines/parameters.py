"""Check the parameters of a pipeline against its signature, before anything runs."""

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from bucle.base.codec import convert, to_builtins
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle.pipelines.load import AnyPipeline

_PLAIN = (str, int, float, bool, type(None), list, tuple, dict, Ref)


def check_params(pipeline: AnyPipeline, given: Mapping[str, object]) -> dict[str, object]:
    """Return every parameter with its value: given or default, as its annotation says.

    Text is read as what the annotation asks for, because the command line has nothing else.

    Raises:
        Invalid: one is missing, unknown or of another kind; name, value and kind are said.
    """
    wanted = pipeline.signature.parameters
    if unknown := [name for name in given if name not in wanted]:
        raise Invalid(
            f"pipeline {pipeline.name!r} has no parameter {unknown[0]!r}",
            hint=f"it has {', '.join(wanted) or 'none'}",
        )
    hints = _hints(pipeline)
    checked: dict[str, object] = {}
    for name, parameter in wanted.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise Invalid(f"pipeline {pipeline.name!r} takes *{name}; name each parameter")
        if name not in given and parameter.default is parameter.empty:
            raise Invalid(
                f"parameter {name!r} of pipeline {pipeline.name!r} is missing",
                hint=f"give {name}: {_said(hints.get(name, Any))}",
            )
        value = given.get(name, parameter.default)
        checked[name] = _checked(pipeline, name, value, hints.get(name, Any))
    return checked


def plain_params(params: Mapping[str, object]) -> dict[str, object]:
    """Return checked parameters as JSON holds them."""
    plain: dict[str, object] = to_builtins(dict(params))
    return plain


def _checked(pipeline: AnyPipeline, name: str, value: object, hint: object) -> object:
    if not isinstance(value, _PLAIN):
        raise Invalid(
            f"parameter {name!r} of pipeline {pipeline.name!r} is a {type(value).__name__}",
            hint="parameters are plain values; make anything else in a step",
        )
    try:
        return convert(value, hint) if hint is not Any else value  # type: ignore[arg-type]
    except (Invalid, TypeError) as error:
        raise Invalid(
            f"parameter {name!r} of pipeline {pipeline.name!r} is {value!r}; expected {_said(hint)}"
        ) from error


def _hints(pipeline: AnyPipeline) -> dict[str, object]:
    try:
        return get_type_hints(pipeline.function)
    except NameError as error:
        raise Invalid(
            f"an annotation of pipeline {pipeline.name!r} cannot be read: {error}",
            hint="annotate parameters with plain types",
        ) from error


def _said(hint: object) -> str:
    return inspect.formatannotation(hint) if hint is not Any else "any plain value"
