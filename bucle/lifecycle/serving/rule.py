"""A rule over columns, as a deployment declares it for when no model may answer: `amount > 900`.

An expression of Python's grammar of which a few forms are allowed, evaluated with numpy over all
rows at once.  Nothing is called but three functions of numbers, no attribute is read and nothing
is raised to a power, so a rule is as cheap as it is long and touches nothing but its columns.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from bucle.base.errors import Invalid

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Value: TypeAlias = Any  # an array of rows, or a constant

_LONGEST = 1000
_NODES = 200
_ALLOWED = (
    "and, or, not, + - * / // %, == != < <= > >=, in, x if y else z, abs(x), min(x, y), max(x, y), "
    "column('a name')"
)
_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_CALLS: dict[str, tuple[int, Callable[..., Value]]] = {
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}
_COLUMN = "column"


class Rule:
    """An expression that was read and may be evaluated."""

    def __init__(self, text: str, body: ast.expr) -> None:
        self.text = text
        self._body = body
        self.columns = tuple(sorted({name for node in ast.walk(body) if (name := _named(node))}))

    def __call__(self, columns: Mapping[str, Array], count: int) -> Array:
        """Return the value of each of `count` rows.

        A comparison with a missing value is false.

        Raises:
            Invalid: a column is missing, or of a type with which this can not be done.
        """
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(_value(self._body, columns))
        except (TypeError, ValueError, ArithmeticError, KeyError) as error:
            raise Invalid(
                f"the rule {self.text!r} can not be applied to these rows: {error}",
                hint="look at the types of these columns and at the rule's",
            ) from error
        return np.broadcast_to(found, (count,)) if not found.ndim else found


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        Invalid: not an expression, or with something in it that is not allowed.
    """
    if len(text) > _LONGEST:
        raise Invalid(
            f"the rule has {len(text)} characters", hint=f"{_LONGEST} are allowed: write a model"
        )
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        told = error.msg if isinstance(error, SyntaxError) else str(error)
        raise Invalid(f"the rule {text!r} is no expression: {told}", hint="amount > 900") from error
    nodes = list(ast.walk(body))
    if len(nodes) > _NODES:
        raise Invalid(f"the rule has {len(nodes)} parts", hint=f"{_NODES} are allowed")
    for node in _inside(body):
        _check(node, text)
    return Rule(text, body)


def _inside(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the expressions of a rule; what a call names is part of the call."""
    yield node
    if isinstance(node, ast.Call):
        children: list[ast.expr] = [] if _named(node) else node.args
    else:
        children = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
    for child in children:
        yield from _inside(child)


def _named(node: ast.AST) -> str:
    """Return the column that a node names; "": it names none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _COLUMN:
        only = node.args[0] if len(node.args) == 1 else None
        is_text = isinstance(only, ast.Constant) and isinstance(only.value, str)
        return only.value if is_text else ""  # type: ignore[union-attr]
    if isinstance(node, ast.Name) and node.id not in _CALLS and node.id != _COLUMN:
        return node.id
    return ""


def _check(node: ast.expr, text: str) -> None:
    is_allowed = _FORMS.get(type(node))
    if is_allowed is None or not is_allowed(node):
        said = ast.get_source_segment(text.strip(), node) or type(node).__name__
        raise Invalid(f"the rule {text!r} holds {said!r}, which is not allowed", hint=_ALLOWED)


def _is_call(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Name) or node.keywords:
        return False
    wanted = _CALLS.get(node.func.id, (0, None))[0]
    return bool(_named(node)) or 0 < wanted == len(node.args)


def _is_list(node: ast.List | ast.Tuple) -> bool:
    return bool(node.elts) and all(isinstance(each, ast.Constant) for each in node.elts)


def _are_comparisons(node: ast.Compare) -> bool:
    pairs = zip(node.ops, node.comparators, strict=True)
    return all(_is_comparison(op, side) for op, side in pairs)


def _is_comparison(op: ast.cmpop, side: ast.expr) -> bool:
    if isinstance(op, ast.In | ast.NotIn):
        return isinstance(side, ast.List | ast.Tuple)
    return type(op) in _COMPARE and not isinstance(side, ast.List | ast.Tuple)


def _value(node: ast.expr, columns: Mapping[str, Array]) -> Value:
    if name := _named(node):
        if name not in columns:
            raise Invalid(
                f"the column {name!r} is missing, which the rule reads", hint=f"send {name!r}"
            )
        return columns[name]
    if isinstance(node, ast.Constant):
        return node.value
    return _VALUES[type(node)](node, columns)


def _joined(node: ast.BoolOp, columns: Mapping[str, Array]) -> Value:
    parts = [_truth(_value(each, columns)) for each in node.values]
    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    return join.reduce(np.broadcast_arrays(*parts))


def _turned(node: ast.UnaryOp, columns: Mapping[str, Array]) -> Value:
    inner = _value(node.operand, columns)
    if isinstance(node.op, ast.Not):
        return np.logical_not(_truth(inner))
    return np.negative(_number(inner)) if isinstance(node.op, ast.USub) else _number(inner)


def _reckoned(node: ast.BinOp, columns: Mapping[str, Array]) -> Value:
    left, right = _value(node.left, columns), _value(node.right, columns)
    return _BINARY[type(node.op)](_number(left), _number(right))


def _chosen(node: ast.IfExp, columns: Mapping[str, Array]) -> Value:
    yes, no = _value(node.body, columns), _value(node.orelse, columns)
    return np.where(_truth(_value(node.test, columns)), yes, no)


def _called(node: ast.Call, columns: Mapping[str, Array]) -> Value:
    assert isinstance(node.func, ast.Name)
    return _CALLS[node.func.id][1](*(_number(_value(each, columns)) for each in node.args))


def _compared(node: ast.Compare, columns: Mapping[str, Array]) -> Value:
    left, parts = _value(node.left, columns), []
    for op, side in zip(node.ops, node.comparators, strict=True):
        if isinstance(side, ast.List | ast.Tuple):
            choices = [each.value for each in side.elts if isinstance(each, ast.Constant)]
            hits = np.logical_or.reduce([_pairwise(ast.Eq, left, choice) for choice in choices])
            parts.append(np.logical_not(hits) if isinstance(op, ast.NotIn) else hits)
            continue
        right = _value(side, columns)
        parts.append(_pairwise(type(op), left, right))
        left = right
    return np.logical_and.reduce(np.broadcast_arrays(*parts))


def _pairwise(op: type[ast.cmpop], left: Value, right: Value) -> Value:
    """Compare; a missing value (null) is like nothing and less than nothing."""
    if not any(np.asarray(side).dtype.kind == "O" for side in (left, right)):
        return _COMPARE[op](left, right)
    first, second = np.broadcast_arrays(np.asarray(left, object), np.asarray(right, object))
    known = np.array(
        [a is not None and b is not None for a, b in zip(first.flat, second.flat, strict=True)],
        dtype=bool,
    ).reshape(first.shape)
    found = np.zeros(first.shape, dtype=bool)
    found[known] = _COMPARE[op](first[known], second[known]).astype(bool)
    return found


def _truth(value: Value) -> Value:
    """Return what counts as true: a missing value does not."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return np.nan_to_num(array, nan=0.0) != 0
    return array.astype(bool)


def _number(value: Value) -> Value:
    """Return numbers to reckon with; texts are refused."""
    array = np.asarray(value)
    if array.dtype == object:
        array = array.astype(np.float64)
    if array.dtype.kind in "US":
        raise TypeError("a text is no number")
    return array.astype(np.int64) if array.dtype.kind == "b" else array


_FORMS: Mapping[type[ast.expr], Callable[[Any], bool]] = {
    ast.BoolOp: lambda _: True,
    ast.IfExp: lambda _: True,
    ast.Name: lambda node: bool(_named(node)),
    ast.Constant: lambda node: isinstance(node.value, bool | int | float | str),
    ast.BinOp: lambda node: type(node.op) in _BINARY,
    ast.UnaryOp: lambda node: isinstance(node.op, ast.Not | ast.USub | ast.UAdd),
    ast.Compare: _are_comparisons,
    ast.Call: _is_call,
    ast.List: _is_list,
    ast.Tuple: _is_list,
}
_VALUES: Mapping[type[ast.expr], Callable[[Any, Mapping[str, Array]], Value]] = {
    ast.BoolOp: _joined,
    ast.UnaryOp: _turned,
    ast.BinOp: _reckoned,
    ast.IfExp: _chosen,
    ast.Call: _called,
    ast.Compare: _compared,
}
