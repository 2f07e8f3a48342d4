"""Flavor `skops`: scikit-learn objects, rebuilt from types on a list and from nothing else.

The file is written in one form for one model (skops writes memory addresses and the time of
day into it), so that an equal model gives an equal digest.
"""

import io
import json
import re
import zipfile
from typing import Any

from bucle.base.errors import Invalid, NotInstalled, Refused
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors import native
from bucle.lifecycle.registry.records import Manifest

NAME = "skops"
WEIGHTS = "weights.skops"
PACKAGES = ("scikit-learn", "skops", "numpy")

# Classes of scikit-learn hold numbers and call nothing of others'; its functions may (they open
# files and addresses), so each is allowed by name.
_CLASS = re.compile(r"sklearn(\.\w+)*\._?[A-Z]\w*")
_ALLOWED = frozenset({"functools.partial", "numpy.dtype", "sklearn.utils.validation.check_array"})
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MISSING = "this model needs packages that are not installed (scikit-learn, skops)"


def dump(model: Any) -> bytes:  # noqa: ANN401 - any scikit-learn estimator
    """Return a model's file.

    Raises:
        Invalid: it holds something that skops can not write, or that may not be loaded again.
    """
    try:
        import skops.io
    except ImportError as error:
        raise NotInstalled(_MISSING, hint="pip install 'bucle[sklearn]'") from error
    try:
        weights = _in_one_form(skops.io.dumps(model))
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Invalid(f"skops can not write {type(model).__name__}: {error}") from error
    if strange := strangers(weights):
        raise Invalid(
            f"the model holds {', '.join(strange)}, which is not on the list of what may be "
            "loaded without running code",
            hint="use scikit-learn's own parts, or allow_pickle=True if you trust every reader",
        )
    return weights


def strangers(weights: bytes) -> list[str]:
    """Return the types in a file that may not be loaded."""
    import skops.io

    unknown = skops.io.get_untrusted_types(data=weights)
    return sorted(name for name in unknown if not _may_load(name))


def types_to_trust(weights: bytes) -> list[str]:
    """Return the types in a file that skops loads only where they are named."""
    import skops.io

    return sorted(map(str, skops.io.get_untrusted_types(data=weights)))


def load(weights: bytes, manifest: Manifest, threads: int) -> "SkopsRunner":
    """Return the model.

    Raises:
        Refused: the file holds a type that is not on the list.
        NotInstalled: scikit-learn or skops is missing.
    """
    try:
        import skops.io
    except ImportError as error:
        raise NotInstalled(_MISSING, hint="pip install 'bucle[sklearn]'") from error
    if strange := strangers(weights):
        raise Refused(f"{manifest.weights!r} holds {', '.join(strange)}, which may not be loaded")
    model = skops.io.loads(weights, trusted=skops.io.get_untrusted_types(data=weights))
    native.use_threads(model, threads)
    return SkopsRunner(model)


class SkopsRunner:
    """A scikit-learn model in this process."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any scikit-learn estimator
        self._model = model

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict; `prediction` and, of most classifiers, `probability`."""
        return native.run_model(self._model, columns)

    def close(self) -> None:
        """Drop the model."""
        self._model = None


def _may_load(name: str) -> bool:
    return name in _ALLOWED or _CLASS.fullmatch(name) is not None


def _in_one_form(weights: bytes) -> bytes:
    """Number the objects in the order of their first mention, and date every entry alike."""
    with zipfile.ZipFile(io.BytesIO(weights)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries.pop(_SCHEMA))
    numbers: dict[int, int] = {}
    _number(schema, numbers)
    renamed = {_renamed(name, numbers): content for name, content in entries.items()}
    renamed[_SCHEMA] = json.dumps(_renumbered(schema, numbers)).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(renamed):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, renamed[name])
    return target.getvalue()


def _number(node: object, numbers: dict[int, int]) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            numbers.setdefault(node["__id__"], len(numbers) + 1)
        for part in node.values():
            _number(part, numbers)
    elif isinstance(node, list):
        for part in node:
            _number(part, numbers)


def _renumbered(node: Any, numbers: dict[int, int]) -> Any:  # noqa: ANN401 - a JSON tree
    if isinstance(node, dict):
        return {key: _renumbered_value(key, part, numbers) for key, part in node.items()}
    if isinstance(node, list):
        return [_renumbered(part, numbers) for part in node]
    return node


def _renumbered_value(key: str, part: Any, numbers: dict[int, int]) -> Any:  # noqa: ANN401 - JSON
    if key == "__id__" and isinstance(part, int):
        return numbers[part]
    if key == "file" and isinstance(part, str):
        return _renamed(part, numbers)
    return _renumbered(part, numbers)


def _renamed(name: str, numbers: dict[int, int]) -> str:
    stem, dot, ending = name.partition(".")
    if stem.isdecimal() and int(stem) in numbers:
        return f"{numbers[int(stem)]}{dot}{ending}"
    return name
