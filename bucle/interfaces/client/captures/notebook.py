"""The notebook that a run is started from: found without a word, kept with its outputs.

Where the file is, the front end says: VS Code in a variable, Jupyter in an environment variable.
A front end that says nothing still has a session: what was executed, in its order, and what each
cell answered.  The outputs of the cell that is running are the run's `console.txt`.
"""

import base64
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bucle.base.codec import canonical_json, encode
from bucle.base.digest import digest_bytes

SAVED, EXECUTED = "notebook.ipynb", "notebook-executed.ipynb"
_LARGEST_FILE_BYTES = 64 << 20
_LARGEST_OUTPUT = 1 << 20  # letters; a larger one is left out, and named


class Notebook(NamedTuple):
    """A notebook as it is now."""

    name: str  # "": nobody says which file it is
    digest: str  # of the sources of its cells, without outputs
    files: dict[str, bytes]  # by the path of the artifact


def find_notebook() -> Notebook | None:
    """Return the notebook that this process works for; None where it is none."""
    shell = _shell()
    if shell is None:
        return None
    names = shell.user_ns
    executed = [str(source) for source in names.get("In", [])]
    path = _path(names)
    saved = path.read_bytes() if path else b""
    files = {EXECUTED: _executed(shell, executed, dict(names.get("Out", {})))}
    if saved:
        files[SAVED] = saved
    sources = _sources(saved) or executed
    digest = digest_bytes(canonical_json(sources))
    return Notebook(name=path.name if path else "", digest=digest, files=files)


def _shell() -> Any:  # noqa: ANN401 - IPython's shell, or None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None  # a terminal's shell has none


def _path(names: Mapping[str, Any]) -> Path | None:
    """Return the notebook's file, if the front end says where it is and it is there."""
    said = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
    path = Path(str(said))
    if path.suffix != ".ipynb":
        return None
    for candidate in (path, Path.cwd() / path.name):
        if candidate.is_file() and candidate.stat().st_size <= _LARGEST_FILE_BYTES:
            return candidate
    return None


def _sources(saved: bytes) -> list[str]:
    """Return the sources of a saved notebook's cells; none where it can not be read."""
    try:
        cells = msgspec.json.decode(saved or b"{}").get("cells", [])
        return ["".join(cell["source"]) for cell in cells]
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return []


def _executed(shell: Any, sources: list[str], answers: Mapping[int, Any]) -> bytes:  # noqa: ANN401 - as above
    """Return what was executed as a notebook (nbformat 4.5), each cell with its answer."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "execution_count": number,
            "metadata": {},
            "source": source,
            "outputs": [_output(shell, number, answers[number])] if number in answers else [],
        }
        for number, source in enumerate(sources)
        if number
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return encode(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    )


def _output(shell: Any, number: int, answer: object) -> dict[str, Any]:  # noqa: ANN401 - as above
    shown, _ = shell.display_formatter.format(answer)
    texts = {
        kind: base64.b64encode(content).decode() if isinstance(content, bytes) else str(content)
        for kind, content in shown.items()
    }
    kept = {
        kind: text if len(text) <= _LARGEST_OUTPUT else f"[{len(text)} letters are left out]"
        for kind, text in texts.items()
        if len(text) <= _LARGEST_OUTPUT or kind == "text/plain"
    }
    return {
        "output_type": "execute_result",
        "execution_count": number,
        "metadata": {},
        "data": kept,
    }
