"""Every Python file of the house, parsed once, for the tests that look at source text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file: its path from the root, its lines and its tree."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    def at(self, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
        """Return `path:line`, as editors read it."""
        return f"{self.path}:{node.lineno}"

    def is_commented(self, node: ast.stmt | ast.ExceptHandler) -> bool:
        """Tell whether the line, or the one before or after it, holds a comment."""
        around = self.lines[max(node.lineno - 2, 0) : node.lineno + 1]
        return any("#" in line for line in around)


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return every Python file of the folders; without a folder, those of the package."""
    return tuple(
        Source(path=str(path.relative_to(ROOT)), lines=tuple(text.splitlines()), tree=tree)
        for folder in folders or ("bucle",)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in [path.read_text(encoding="utf-8")]
        for tree in [ast.parse(text, filename=str(path))]
    )


def functions(source: Source) -> Iterator[Function]:
    """Yield every function and method of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, _FUNCTIONS):
            yield node


def classes(source: Source) -> Iterator[ast.ClassDef]:
    """Yield every class of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            yield node


def parameters(function: Function) -> list[ast.arg]:
    """Return a function's parameters, keyword-only ones too, without `self` and `cls`."""
    signature = function.args
    every = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs]
    return [argument for argument in every if argument.arg not in {"self", "cls"}]
