"""Take a function along as text: itself and everything of the project that it uses.

A view or an expectation is computed where its project is not: in a server, in a job, in a model
server.  So the source is read where it is defined, and what it needs goes with it: functions,
classes and constants of the project.  What is installed is imported by name.  Comments,
docstrings and annotations stay behind, so that a change of them is no other definition.
"""

import ast
import builtins
import dis
import inspect
import math
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from bucle.base.code import Code
from bucle.base.errors import Invalid

MOST_CHARACTERS = 200_000
_PLAIN = (type(None), bool, int, float, str, bytes)
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


def code_of(function: Callable[..., object]) -> Code:
    """Return a function as text that runs by itself.

    Raises:
        Invalid: its source can not be read, or it uses something that can not be taken along.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise Invalid(
            f"{function!r} is no function with a name", hint="write it with def, in a module"
        )
    walk = _Walk(function.__name__)
    walk.take(function.__name__, function, is_root=True)
    source = "\n".join([*sorted(walk.imports), *walk.parts])
    if len(source) > MOST_CHARACTERS:
        raise Invalid(
            f"{function.__name__} and what it uses are {len(source)} characters of Python",
            hint="put it into a package, and install that where it is to run",
        )
    return Code(function=function.__name__, source=source)


class _Walk:
    """One function and what it uses, each once, what is used before what uses it."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._taken: dict[str, object] = {}
        self.imports: set[str] = set()
        self.parts: list[str] = []

    def take(self, name: str, value: object, *, is_root: bool = False) -> None:
        """Take along what a name stands for."""
        if name in self._taken:
            if self._taken[name] is not value:
                raise Invalid(
                    f"{self._root} uses two things that are called {name!r}", hint="rename one"
                )
            return
        self._taken[name] = value
        if isinstance(value, ModuleType):
            self._take_module(name, value)
        elif (plain := _written(value)) is not None:
            self.parts.append(f"{name} = {plain}")
        else:
            self._take_object(name, value, is_root=is_root)

    def _take_module(self, name: str, module: ModuleType) -> None:
        if not _is_installed(module.__name__):
            raise Invalid(
                f"{self._root} uses the module {module.__name__!r}, which only your project has",
                hint=f"from {module.__name__} import the names that it uses",
            )
        whole = module.__name__
        self.imports.add(f"import {whole}" if name == whole else f"import {whole} as {name}")

    def _take_object(self, name: str, value: object, *, is_root: bool) -> None:
        target = inspect.unwrap(value) if callable(value) else value
        module, own = getattr(target, "__module__", ""), getattr(target, "__qualname__", "")
        if not is_root and module and own and _is_installed(module):
            self._take_installed(name, value, module, own)
            return
        if not isinstance(target, FunctionType | type):
            raise Invalid(
                f"{self._root} uses {name!r}, a {type(value).__name__}, which can not be taken "
                "along",
                hint="make it inside of the function",
            )
        tree = _tree_of(target, self._root, keep_decorators=not is_root)
        for used in _names_in(tree):
            if used != target.__name__:
                self.take(used, self._found(used, _scope_of(target)))
        self.parts.append(ast.unparse(tree))
        if name != target.__name__:
            self.parts.append(f"{name} = {target.__name__}")

    def _take_installed(self, name: str, value: object, module: str, own: str) -> None:
        place: object = sys.modules.get(module)
        if "." in own or getattr(place, own, None) is not value:
            raise Invalid(
                f"{self._root} uses {name!r}, which can not be imported as {module}.{own}",
                hint="import its module, and call it by that",
            )
        self.imports.add(f"from {module} import {own}" + (f" as {name}" if name != own else ""))

    def _found(self, name: str, scope: Mapping[str, object]) -> object:
        if name not in scope:
            raise Invalid(
                f"{self._root} uses {name!r}, which is not defined where it is",
                hint=f"define or import {name!r} above it",
            )
        return scope[name]


def _tree_of(target: FunctionType | type, root: str, *, keep_decorators: bool) -> ast.Module:
    try:
        text = textwrap.dedent(inspect.getsource(target))
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError) as error:
        raise Invalid(
            f"the source of {target.__name__!r}, which {root} needs, can not be read: {error}",
            hint="define it with def in a file",
        ) from error
    (head,) = tree.body
    if not isinstance(head, ast.FunctionDef | ast.ClassDef):
        raise Invalid(f"{target.__name__!r} is no plain function", hint="write it with def")
    if not keep_decorators:
        head.decorator_list = []
    return ast.fix_missing_locations(_Quiet().visit(tree))  # type: ignore[no-any-return]


class _Quiet(ast.NodeTransformer):
    """Leaves out what is said of a code and not computed: docstrings and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Leave out what is said of a function."""
        self.generic_visit(node)
        node.returns = None
        _without_docstring(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Leave out what is said of a class; annotations of its body may be its fields."""
        node.body = [
            each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in node.body
        ]
        _without_docstring(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Leave out a parameter's type."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave out a variable's type."""
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign(targets=[node.target], value=node.value)


def _without_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def _names_in(tree: ast.Module) -> list[str]:
    """Return the names that the text looks up outside of itself."""
    code = compile(tree, "<feature>", "exec")
    found = dict.fromkeys(_read_by(code))
    return [name for name in found if not hasattr(builtins, name) and not name.startswith("__")]


def _read_by(code: CodeType) -> Iterator[str]:
    own = set()
    for each in dis.get_instructions(code):
        if each.opname == "STORE_NAME":
            own.add(each.argval)
        if each.opname in _READS and each.argval not in own:
            yield str(each.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _read_by(inner)


def _scope_of(target: FunctionType | type) -> Mapping[str, object]:
    """Return what the names of a function or a class stand for."""
    if isinstance(target, type):
        return vars(sys.modules[target.__module__])
    closed = inspect.getclosurevars(target).nonlocals
    return {**target.__globals__, **closed}


def _written(value: object) -> str | None:
    """Return a constant as text; None: it is none."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if type(value) in _PLAIN:
        return repr(value)
    if type(value) in {tuple, list, set, frozenset}:
        return _several(value)
    if type(value) is dict:
        pairs = [(_written(name), _written(inner)) for name, inner in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return "{" + ", ".join(f"{name}: {inner}" for name, inner in pairs) + "}"
    return None


def _several(values: object) -> str | None:
    items = values if isinstance(values, tuple | list) else sorted(values, key=repr)  # type: ignore[call-overload]
    parts = [_written(each) for each in items]
    if any(part is None for part in parts):
        return None
    return f"{type(values).__name__}([{', '.join(map(str, parts))}])"


def _is_installed(module: str) -> bool:
    """Tell whether a module is there wherever its package is; bucle itself always is."""
    if module.partition(".")[0] in {"bucle", *sys.builtin_module_names}:
        return module.partition(".")[0] != "__main__"
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" or file is None:
        return False
    path = Path(file).resolve()
    if _INSTALLED.intersection(path.parts):
        return True
    paths = sysconfig.get_paths()
    return any(
        path.is_relative_to(Path(paths[name]).resolve()) for name in ("stdlib", "platstdlib")
    )
