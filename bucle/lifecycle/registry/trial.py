"""The program of a verification: load one package in this interpreter and predict its example.

`python -m bucle.lifecycle.registry.trial <folder>` reads `request.json` there and writes
`answers.parquet`.  Where the interpreter has more than the package's lock names, the rest is
hidden first, so that what loads here loads wherever the lock is installed.  What goes wrong ends
the program, and its last line of errors is the reason.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq

from bucle.base.codec import decode
from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.flavors import FLAVORS
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import EXAMPLE_FILE, TrialRequest

_OURS = frozenset({"bucle", "__main__"})
_PYTHON = Path(os.__file__).parent  # the standard library's folder
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class OnlyThese:
    """Finds modules whose top name is allowed; to all others the interpreter is without them."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed) | _OURS | sys.stdlib_module_names
        self._finders = tuple(sys.meta_path)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is, None if it is not to be found."""
        every = (finder.find_spec(name, path, target) for finder in self._finders)
        found = next((spec for spec in every if spec), None)
        is_allowed = name.partition(".")[0] in self._allowed
        return found if is_allowed or (found and _is_standard(found)) else None


def _is_standard(spec: ModuleSpec) -> bool:
    """Tell whether a module is Python's own, though no list names it (`_sysconfigdata_...`)."""
    place = Path(spec.origin or "")
    return place.is_relative_to(_PYTHON) and not _INSTALLED & set(place.parts)


def modules_of(distributions: Iterable[str]) -> set[str]:
    """Return the top-level modules that these distributions hold here."""
    found: set[str] = set()
    for name in distributions:
        try:
            held = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        declared = (held.read_text("top_level.txt") or "").split()
        files = [file.parts[0] for file in held.files or () if len(file.parts) > 1]
        single = [file.name.partition(".")[0] for file in held.files or () if len(file.parts) == 1]
        found |= {module.partition("/")[0] for module in declared} | set(files) | set(single)
    return found


def main(folder: Path) -> None:
    """Load the package that is asked for and leave its answers to the example in a folder."""
    request = decode((folder / "request.json").read_bytes(), TrialRequest)
    if request.allowed is not None:
        sys.meta_path[:] = [OnlyThese(modules_of(request.allowed))]
    manifest = request.manifest
    weights = Path(request.files[manifest.weights]).read_bytes()
    if digest_bytes(weights) != manifest.files[manifest.weights].digest:
        raise Refused(f"the file {manifest.weights!r} is not what the manifest says")
    predictor = Predictor("", manifest, FLAVORS[manifest.flavor].load(weights, manifest, 1))
    example = pq.read_table(request.files[EXAMPLE_FILE])
    answers = predictor.predict(columns_of(example, predictor.signature.inputs))
    pq.write_table(answers_table(answers), folder / "answers.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
