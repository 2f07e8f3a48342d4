"""An import inside a function hides a knot, unless it spares a start-up or an optional package.

Third-party libraries may be imported where they are used.  Our own modules may be in the lazy
doors (the front door, the command line, a driver's `open_...` by URL scheme).  Anything else
says why: `# lazy: <reason>` on the line.
"""

import ast
import re
import sys
from collections.abc import Iterator

from tests.architecture.sources import Source, sources

_DOORS = re.compile(r"bucle/(__init__|interfaces/cli/.+|drivers/.+/(__init__|open))\.py")


def test_our_own_modules_are_imported_at_the_head_of_a_file() -> None:
    hidden = [f"{file.at(node)} {ast.unparse(node)}" for file, node in _hidden_imports()
              if _root(node) == "bucle" and not _DOORS.fullmatch(file.path)]  # fmt: skip
    assert hidden == []


def test_the_standard_library_is_imported_at_the_head_of_a_file() -> None:
    hidden = [f"{file.at(node)} {ast.unparse(node)}" for file, node in _hidden_imports()
              if _root(node) in sys.stdlib_module_names
              and not _DOORS.fullmatch(file.path)]  # fmt: skip
    assert hidden == []


def _hidden_imports() -> Iterator[tuple[Source, ast.Import | ast.ImportFrom]]:
    for file in sources():
        for function in ast.walk(file.tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and not _says_why(file, node):
                    yield file, node


def _says_why(file: Source, node: ast.stmt) -> bool:
    return "# lazy: " in file.lines[node.lineno - 1]


def _root(node: ast.Import | ast.ImportFrom) -> str:
    name = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
    return name.partition(".")[0]
