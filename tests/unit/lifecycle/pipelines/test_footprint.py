"""The table of edits: which of them make a step's cached value stale, and which do not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.drivers.compute import Compute, open_compute
from bucle.lifecycle.pipelines.plan import StepPlan
from tests.support.project import edited, plan_project, write_project

FLOW = '''
"""A pipeline with everything that a step can lean on."""
import dataclasses, enum, functools
import msgspec
import numpy as np
from statistics import mean as middle
from bucle.lifecycle.pipelines.define import pipeline, step
import shapes
from pkg import deep
from pkg.deep import first as one, second as two
from pkg.registry import HANDLERS
from settings import LIMIT, NAMES, WEIGHTS, CONFIG, Color

def scaled(by):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(value):
            return function(value) * by
        return wrapper
    return decorate

@scaled(2)
def doubled(value):
    return value

@functools.lru_cache
def remembered(value):
    return value + 100

def adder(amount):
    def add(value):
        return value + amount
    return add

add_five = adder(5)
half = functools.partial(round, ndigits=1)

def with_default(value, extra=7):
    return value + extra

def only_keyword(value, *, extra=8):
    return value + extra

class Parent:
    offset = 11
    def shift(self, value):
        return value + self.offset

class Child(Parent):
    """Shifts."""
    def twice(self, value):
        return self.shift(self.shift(value))
    @property
    def unit(self):
        return "km"
    @staticmethod
    def third(value):
        return value / 3

@dataclasses.dataclass
class Options:
    depth: int = 4
    names: list = dataclasses.field(default_factory=lambda: ["a"])

class Shape(msgspec.Struct, frozen=True):
    sides: int = 12
    tags: list = msgspec.field(default_factory=lambda: ['x'])

def recursive(n):
    return n if n < 1 else recursive(n - 1)

def unrelated():
    return "nothing of the step"

@step
def load(count: int, label: str = "plain"):
    """Load it."""
    from pkg.late import arrive
    values = [one(count), two(count), deep.third(count), doubled(count), remembered(count)]
    values += [add_five(count), half(count), with_default(count), only_keyword(count)]
    values += [Child().twice(count), Child().unit, Child.third(count), Options().depth]
    values += [Shape().sides, recursive(count), LIMIT, NAMES, WEIGHTS.sum(), CONFIG["rate"]]
    values += [Color.RED, HANDLERS["mean"]([1]), shapes.area(2), arrive(), middle([1])]
    values += [1 if count in {1, 2, 30} else 0, [v + 40 for v in range(count)]]
    return values, open("names.txt").read()

@step
def other(values):
    return values

@pipeline
def train(count: int = 3):
    return other(load(count, label="fixed"))
'''
DEEP = '''
def first(value):
    # the first of them
    return helper(value) + 1
def second(value):
    return value + 2
def third(value):
    return value + 3
def helper(value):
    """Help."""
    return value * 1000
'''
FILES = {
    "flow.py": FLOW,
    "shapes/__init__.py": "from shapes.plane import area\n",
    "shapes/plane.py": "PI = 3.14\ndef area(radius):\n    return PI * radius ** 2\n",
    "pkg/__init__.py": "",
    "pkg/deep.py": DEEP,
    "pkg/late.py": "def arrive():\n    return 'late'\n",
    "pkg/registry.py": """
HANDLERS = {}
def register(name):
    def keep(function):
        HANDLERS[name] = function
        return function
    return keep
@register("mean")
def mean(values):
    return sum(values) / len(values)
""",
    "settings.py": """
import enum
import numpy as np
BASE = 10
LIMIT = BASE * 2
NAMES = ("a", "b")
WEIGHTS = np.array([1.0, 2.0])
CONFIG = {"rate": 0.1, "nested": {"deep": [1, 2]}}
class Color(enum.Enum):
    RED = 1
    BLUE = 2
""",
    "names.txt": "ada\n",
}

# what is edited, file, old text, new text
STALE = [
    ("the step's own body", "flow.py", "values, open(", "values[1:], open("),
    ("a constant in the body", "flow.py", "v + 40", "v + 41"),
    ("a member of a set in the body", "flow.py", "{1, 2, 30}", "{1, 2, 31}"),
    ("an int that becomes a float", "flow.py", "v + 40", "v + 40.0"),
    ("a default argument of the step", "flow.py", 'label: str = "plain"', 'label: str = "other"'),
    ("a literal argument of the call", "flow.py", 'label="fixed"', 'label="changed"'),
    ("the default of a parameter", "flow.py", "count: int = 3", "count: int = 4"),
    ("a helper's body", "pkg/deep.py", "return value + 2", "return value + 20"),
    ("a helper's helper", "pkg/deep.py", "value * 1000", "value * 1001"),
    ("a helper reached through its module", "pkg/deep.py", "return value + 3", "return value - 3"),
    ("which name an alias means", "flow.py", "first as one, second as two",
     "second as one, first as two"),
    ("which library function an alias means", "flow.py", "import mean as", "import median as"),
    ("a decorator's argument", "flow.py", "@scaled(2)", "@scaled(3)"),
    ("a decorator's body", "flow.py", "function(value) * by", "function(value) + by"),
    ("a decorated function's body", "flow.py", "def doubled(value):\n    return value",
     "def doubled(value):\n    return -value"),
    ("a function behind a library's decorator", "flow.py", "value + 100", "value + 101"),
    ("a decorator that is removed", "flow.py", "@scaled(2)\n", ""),
    ("a value in a closure", "flow.py", "adder(5)", "adder(6)"),
    ("an argument of a partial", "flow.py", "ndigits=1", "ndigits=2"),
    ("a default argument of a helper", "flow.py", "extra=7", "extra=70"),
    ("a keyword-only default", "flow.py", "extra=8", "extra=80"),
    ("a class constant of a parent", "flow.py", "offset = 11", "offset = 12"),
    ("a method of a parent", "flow.py", "value + self.offset", "value - self.offset"),
    ("a method", "flow.py", "self.shift(self.shift(value))", "self.shift(value)"),
    ("a property", "flow.py", '"km"', '"mi"'),
    ("a static method", "flow.py", "value / 3", "value / 4"),
    ("the parent of a class", "flow.py", "class Child(Parent)", "class Child(Parent, dict)"),
    ("a dataclass's default", "flow.py", "depth: int = 4", "depth: int = 5"),
    ("a dataclass's default factory", "flow.py", '["a"])', '["b"])'),
    ("a struct's default", "flow.py", "sides: int = 12", "sides: int = 13"),
    ("a struct's default factory", "flow.py", "['x']", "['y']"),
    ("a recursive function", "flow.py", "recursive(n - 1)", "recursive(n - 2)"),
    ("a constant of another module", "settings.py", 'NAMES = ("a", "b")', 'NAMES = ("a", "c")'),
    ("a constant that another is made of", "settings.py", "BASE = 10", "BASE = 11"),
    ("an array", "settings.py", "[1.0, 2.0]", "[1.0, 2.5]"),
    ("a value deep in a dict", "settings.py", '"deep": [1, 2]', '"deep": [1, 3]'),
    ("the value of an enum's member", "settings.py", "RED = 1", "RED = 3"),
    ("a function found in a registry", "pkg/registry.py", "/ len(values)", "* len(values)"),
    ("a function registered anew", "pkg/registry.py", "    return sum(values) / len(values)\n",
     "    return sum(values) / len(values)\n@register('max')\ndef most(v): return max(v)\n"),
    ("what a package passes on", "shapes/plane.py", "radius ** 2", "radius ** 3"),
    ("a constant beside what a package passes on", "shapes/plane.py", "3.14", "3.1416"),
    ("what is imported inside the body", "pkg/late.py", "'late'", "'later'"),
    ("a file that the code names", "names.txt", "ada", "bob"),
]  # fmt: skip

SAME = [
    ("a comment", "pkg/deep.py", "# the first of them", "# the very first"),
    ("a comment line more", "pkg/deep.py", "# the first of them", "# the\n    # first"),
    ("blank lines", "flow.py", "def unrelated", "\n\n\ndef unrelated"),
    ("the step's docstring", "flow.py", '"""Load it."""', '"""Load it all."""'),
    ("the step's docstring, removed", "flow.py", '    """Load it."""\n', ""),
    ("a helper's docstring", "pkg/deep.py", '"""Help."""', '"""Help more."""'),
    ("a helper's docstring, removed", "pkg/deep.py", '    """Help."""\n', ""),
    ("a class's docstring", "flow.py", '"""Shifts."""', '"""Shifts by an offset."""'),
    ("the module's docstring", "flow.py", '"""A pipeline with', '"""One pipeline with'),
    ("a function that the step does not use", "flow.py", '"nothing of the', '"not used by the'),
    ("how often the step is retried", "flow.py", "@step\ndef load", "@step(retries=3)\ndef load"),
]


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    opened = open_compute("process:?workers=1&preload=numpy,bucle.lifecycle.pipelines.plan")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"), FILES)


@pytest.fixture(scope="module")
def before(compute: Compute, folder: Path) -> StepPlan:
    return _plan(compute, folder)


def _plan(compute: Compute, folder: Path, reference: str = "flow:train") -> StepPlan:
    params: dict[str, object] = {}
    return compute.submit(plan_project, folder, reference, params).result().value[0]


def test_the_footprint_holds_all_of_the_project_and_nothing_of_libraries(before: StepPlan) -> None:
    assert before.doubts == ()
    assert {"flow:load", "pkg.deep:helper", "flow:LIMIT", "file:names.txt"} <= set(before.parts)
    assert not any(part.startswith(("numpy", "statistics", "bucle")) for part in before.parts)
    assert "flow:unrelated" not in before.parts


def test_the_same_code_has_the_same_footprint_in_another_process(
    compute: Compute, folder: Path, before: StepPlan
) -> None:
    assert _plan(compute, folder).parts == before.parts


@pytest.mark.parametrize("edit", STALE, ids=lambda edit: edit[0])
def test_an_edit_that_may_change_the_value_changes_the_footprint(
    compute: Compute, folder: Path, before: StepPlan, edit: tuple[str, str, str, str]
) -> None:
    with edited(folder, *edit[1:]):
        assert _plan(compute, folder).footprint.digest != before.footprint.digest, edit[0]


@pytest.mark.parametrize("edit", SAME, ids=lambda edit: edit[0])
def test_an_edit_that_cannot_change_the_value_leaves_the_footprint(
    compute: Compute, folder: Path, before: StepPlan, edit: tuple[str, str, str, str]
) -> None:
    with edited(folder, *edit[1:]):
        assert _plan(compute, folder).parts == before.parts, edit[0]


DOUBTS = [
    ("a lock", "import threading\nLOCK = threading.Lock()", "LOCK.acquire()", "_thread.lock"),
    ("an open file", "HANDLE = open(__file__)", "HANDLE.read()", "_io.TextIOWrapper"),
    ("a generator", "STREAM = (n for n in range(3))", "next(STREAM)", "generator"),
    ("eval", "", "eval('1')", "runs code that is made while it runs"),
    ("the environment", "import os", "os.environ['HOME']", "reads environment variables"),
    ("getenv", "from os import getenv", "getenv('HOME')", "reads environment variables"),
    ("a named import", "import importlib", "importlib.import_module('x')", "imports a module"),
]


@pytest.mark.parametrize("case", DOUBTS, ids=lambda case: case[0])
def test_what_has_no_digest_is_a_doubt_that_says_why(
    compute: Compute, tmp_path: Path, case: tuple[str, str, str, str]
) -> None:
    what, head, line, reason = case
    text = (
        f"from bucle.lifecycle.pipelines.define import pipeline, step\n{head}\n"
        f"@step\ndef load():\n    {line}\n@pipeline\ndef train():\n    load()\n"
    )
    plan = _plan(compute, write_project(tmp_path, {"doubtful.py": text}), "doubtful:train")
    assert len(plan.doubts) == 1, what
    assert reason in plan.doubts[0]
