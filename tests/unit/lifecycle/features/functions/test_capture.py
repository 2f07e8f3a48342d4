"""A function goes along as text with what it uses, and runs where its module is not."""

import functools
import json
import math
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bucle.base.capture import code_of
from bucle.base.errors import Invalid
from bucle.lifecycle.features.functions.call import outputs_of
from bucle.lifecycle.features.records import Code

LIMITS = {"low": 1.5, "high": float("inf"), "names": ("a", "b"), "none": None}
SOMETHING = object()


def half(value: Any) -> Any:
    """Halve it."""
    return pc.divide(value, 2.0)


class Scale:
    """Multiply by a number."""

    by = 3.0

    def of(self, value: Any) -> Any:
        return pc.multiply(half(value), self.by)


def scaled(rows: pa.Table) -> Any:
    # What is said of it does not matter.
    kept = Scale().of(rows["a"])
    return pc.if_else(pc.less(kept, LIMITS["low"]), math.pi, kept)


def uses_an_object(rows: pa.Table) -> Any:
    return SOMETHING


def test_it_takes_functions_classes_constants_and_imports_along() -> None:
    code = code_of(scaled)
    assert code.source.splitlines()[:2] == ["import math", "import pyarrow.compute as pc"]
    assert "What is said" not in code.source
    assert "Halve" not in code.source
    made = outputs_of(code, pa.table({"a": [0.0, 4.0, None]}), {"x": "float64"})
    assert made["x"].to_pylist() == [math.pi, 6.0, None]


def test_the_text_runs_where_nothing_of_the_project_is(tmp_path: Path) -> None:
    (tmp_path / "taken.py").write_text(code_of(scaled).source)
    call = "import taken, json, pyarrow as pa\n"
    call += "print(json.dumps(taken.scaled(pa.table({'a': [4.0]})).to_pylist()))"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [6.0]


def module(tmp_path: Path, text: str) -> ModuleType:
    path = tmp_path / "project_module.py"
    path.write_text(textwrap.dedent(text))
    made = ModuleType("project_module")
    made.__file__ = str(path)
    sys.modules["project_module"] = made
    exec(compile(path.read_text(), str(path), "exec"), made.__dict__)
    return made


def of(tmp_path: Path, text: str) -> Code:
    return code_of(module(tmp_path, text).f)


def test_comments_docstrings_and_annotations_make_no_other_code(tmp_path: Path) -> None:
    plain = of(tmp_path, "def f(rows):\n    x = 1\n    return x\n")
    said = '''
        def f(rows: "dict") -> int:
            """Say something."""
            x: int = 1  # one
            return x
        '''
    assert of(tmp_path, said) == plain
    assert of(tmp_path, "def f(rows):\n    x = 2\n    return x\n") != plain


@pytest.mark.parametrize(
    ("before", "after"),
    [("LIMIT = 1", "LIMIT = 2"), ("def LIMIT():\n    return 1", "def LIMIT():\n    return 2")],
)
def test_what_it_uses_is_part_of_it(tmp_path: Path, before: str, after: str) -> None:
    use = "\n\ndef f(rows):\n    return LIMIT\n"
    assert of(tmp_path, before + use) != of(tmp_path, after + use)


def test_defaults_decorators_closures_and_recursion_come_along(tmp_path: Path) -> None:
    code = of(
        tmp_path,
        """
        import functools
        BASE = 2

        @functools.cache
        def fact(n, base=BASE):
            return 1 if n < 2 else n * fact(n - 1)

        def made():
            shift = 10
            def f(rows):
                return [fact(5) + shift for _ in range(rows.num_rows)]
            return f

        f = made()
        """,
    )
    assert outputs_of(code, pa.table({"a": [1, 2]}), {"x": "int64"})["x"].to_pylist() == [130] * 2


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda rows: rows, "no function with a name"),
        (functools.partial(scaled), "no function with a name"),
        (uses_an_object, "uses 'SOMETHING', a object, which can not be taken along"),
        (len, "no function with a name"),
    ],
)
def test_what_can_not_go_along_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        code_of(function)


def test_a_module_of_the_project_is_named_with_what_to_write(tmp_path: Path) -> None:
    other = ModuleType("own_helpers")
    other.__file__ = str(tmp_path / "own_helpers.py")
    sys.modules["own_helpers"] = other
    with pytest.raises(Invalid, match="only your project has") as caught:
        of(tmp_path, "import own_helpers\ndef f(rows):\n    return own_helpers.x\n")
    assert "from own_helpers import" in caught.value.hint


def test_a_module_that_is_not_installed_is_named_where_it_is_missing() -> None:
    code = Code(function="f", source="import no_such_package\ndef f(rows):\n    return 1")
    with pytest.raises(Invalid, match="f can not run here: No module named 'no_such_package'"):
        outputs_of(code, pa.table({"a": [1]}), {"x": "int64"})


def test_outputs_are_looked_at() -> None:
    rows = pa.table({"a": [1, 2]})
    several = Code(function="f", source="def f(rows):\n    return {'x': [1, 2], 'y': rows['a']}")
    made = outputs_of(several, rows, {"y": "float64", "x": "int64"})
    assert made.schema.names == ["y", "x"]
    assert made["y"].to_pylist() == [1.0, 2.0]
    for kinds, message in (({"z": "int64"}, "gives no 'z'"), ({"x": "bool"}, "")):
        if message:
            with pytest.raises(Invalid, match=message):
                outputs_of(several, rows, kinds)
    one = Code(function="g", source="def g(rows):\n    return [1.5, 2]")
    with pytest.raises(Invalid, match="for 2 features"):
        outputs_of(one, rows, {"x": "int64", "y": "int64"})
    with pytest.raises(Invalid, match="'x' of g is no int64"):
        outputs_of(one, rows, {"x": "int64"})
