"""A user's project in a folder, for tests that edit its code between two looks at it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bucle.lifecycle.pipelines.load import load_pipeline
from bucle.lifecycle.pipelines.plan import StepPlan, plan_steps


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files under a folder, and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def plan_project(folder: Path, reference: str, params: dict[str, object]) -> tuple[StepPlan, ...]:
    """Import a project's pipeline and plan it: to be called in a process of its own."""
    return plan_steps(load_pipeline(folder, reference).draw(params), folder)


@contextmanager
def edited(folder: Path, name: str, old: str, new: str) -> Iterator[None]:
    """Replace a text of a file, which must be there once, and put it back afterwards."""
    path = folder / name
    before = path.read_text(encoding="utf-8")
    assert before.count(old) == 1, f"{old!r} is {before.count(old)} times in {name}"
    path.write_text(before.replace(old, new), encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")
