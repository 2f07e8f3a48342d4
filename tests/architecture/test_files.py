"""Limits of length and shape (house style, section 11), measured on every file."""

import ast

from tests.architecture.sources import ROOT, Function, classes, functions, parameters, sources

FILE_LINES = 500
_GENERATED = "bucle/interfaces/client/rooms/"
FUNCTION_LINES = 60
PARAMETERS = 6
FOLDERS = tuple(
    name for name in ("bucle", "tests", "benchmarks", "examples") if (ROOT / name).is_dir()
)
_CHANGES = frozenset({"add", "append", "clear", "extend", "insert", "pop", "popitem", "remove",
                      "setdefault", "update"})  # fmt: skip


def test_no_file_is_longer_than_500_lines() -> None:
    long = [f"{file.path}: {len(file.lines)} lines" for file in sources(*FOLDERS)
            # What `client.generate` writes is read by type checkers, and has a method per verb.
            if len(file.lines) > FILE_LINES and not file.path.startswith(_GENERATED)]  # fmt: skip
    assert long == []


def test_no_function_is_longer_than_60_lines() -> None:
    long = [f"{file.at(node)} {node.name}: {_length(node)} lines"
            for file in sources(*FOLDERS) for node in functions(file)
            if _length(node) > FUNCTION_LINES
            # A revision of the schema is one list of tables.
            and "/migrations/versions/" not in file.path]  # fmt: skip
    assert long == []


def test_no_function_has_more_than_six_parameters() -> None:
    wide = [f"{file.at(node)} {node.name}: {len(parameters(node))} parameters"
            for file in sources() for node in functions(file)
            if len(parameters(node)) > PARAMETERS
            # Generated: as many parameters as the request has fields.
            and not file.path.startswith("bucle/interfaces/client/rooms/")]  # fmt: skip
    assert wide == []


def test_a_class_of_ours_is_inherited_from_at_most_once_in_a_row() -> None:
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
             for file in sources() for node in classes(file)}  # fmt: skip
    ours = {name: {base for base in inherited if base in bases}
            for name, inherited in bases.items()}  # fmt: skip
    deep = sorted(name for name, inherited in ours.items() if any(ours[base] for base in inherited))
    assert deep == []


def test_no_function_changes_a_name_of_its_module() -> None:
    changed = [f"{file.at(place)} changes {name}"
               for file in sources() for name, place in _changes_of_globals(file.tree)]  # fmt: skip
    assert changed == []


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _changes_of_globals(tree: ast.Module) -> list[tuple[str, ast.stmt | ast.expr]]:
    names = _assigned(tree.body)
    found: list[tuple[str, ast.stmt | ast.expr]] = []
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        shared = names - _local_names(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found.extend((name, node) for name in node.names)
            elif (name := _changed(node)) and name in shared:
                found.append((name, node))  # type: ignore[arg-type]
    return found


def _assigned(body: list[ast.stmt]) -> set[str]:
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _local_names(function: Function) -> set[str]:
    stored = {node.id for node in ast.walk(function)
              if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}  # fmt: skip
    return stored | {argument.arg for argument in parameters(function)}


def _changed(node: ast.AST) -> str | None:
    """Return the name whose value a statement or a call changes in place."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=verb)) if verb in _CHANGES:
            return name
    return None
