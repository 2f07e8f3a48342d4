"""Everything outside of a step's code that its value depends on: datasets, values, files."""

from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.pipelines import load_output, run_pipeline
from bucle.lifecycle.tracking import get_run
from tests.support.project import edited, write_project

FLOW = """
from pathlib import Path
from bucle.base.refs import Ref
from bucle.lifecycle.data import read_table
from bucle.lifecycle.tracking import add_input
from bucle.lifecycle.pipelines.context import current
from bucle.lifecycle.pipelines.define import pipeline, step
from shapes import Box

@step
def count(dataset: str) -> int:
    return read_table(current().session, dataset).num_rows

@pipeline
def pinned(dataset: str = "dataset:trips@main"):
    return count(dataset)

@step
def count_newest() -> int:
    return current().use("dataset:trips").num_rows

@pipeline
def chosen():
    return count_newest()

@step
def joined():
    with current().session.begin() as scope:
        add_input(scope, current().run, Ref("feature_view", "spending", 1))
    return 1

@pipeline
def of_views():
    return joined()

@step
def build():
    return build_box()

def build_box():
    return Box(2)

@step
def measure(box):
    return box.volume()

@pipeline
def boxes():
    return measure(build())

@step
def words(path: str) -> int:
    return len(Path(path).read_text().split())

@pipeline
def reading(path: str):
    return words(path)

@step
def write():
    Path(__file__).with_name("made.txt").write_text("one two")

@step
def read_back():
    return Path(__file__).with_name("made.txt").read_text()

@pipeline
def through_a_file():
    written = write()
    return read_back.after(written)()
"""
SHAPES = """
class Box:
    def __init__(self, side):
        self.side = side
    def volume(self):
        return self.side ** 3
"""


@pytest.fixture
def project(folder: Path) -> Path:
    return write_project(folder, {"flow.py": FLOW, "shapes.py": SHAPES})


def commit(session: Session, *rows: int) -> None:
    commit_table(session, "trips", pa.table({"n": list(rows)}), mode="replace", message="")


@pytest.mark.parametrize("name", ["pinned", "chosen"])
def test_a_new_version_of_a_dataset_makes_the_value_anew(session, project, name) -> None:
    commit(session, 1, 2)
    first = run_pipeline(session, f"flow:{name}", folder=project)
    again = run_pipeline(session, f"flow:{name}", folder=project)
    commit(session, 1, 2, 3)
    newer = run_pipeline(session, f"flow:{name}", folder=project)
    assert [run.steps[0].status for run in (first, again, newer)] == [
        "finished", "cached", "finished",
    ]  # fmt: skip
    assert [load_output(session, run) for run in (first, newer)] == [2, 3]


def test_a_step_that_read_a_feature_view_is_done_again_as_its_definition_may_have_changed(
    session, project
) -> None:
    runs = [run_pipeline(session, "flow:of_views", folder=project) for _ in range(2)]
    assert [run.steps[0].status for run in runs] == ["finished", "finished"]
    assert runs[1].steps[0].note == "not cached: it read feature_view:spending@1"


def test_a_dataset_is_pinned_when_the_run_starts_and_is_its_input(session, project) -> None:
    commit(session, 1)
    run = run_pipeline(session, "flow:pinned", folder=project)
    assert run.params == {"dataset": "dataset:trips@1"}
    assert run.inputs == (Ref("dataset", "trips", 1),)
    with session.begin(write=False) as scope:
        assert get_run(scope, run.steps[0].run).inputs == run.inputs
        assert get_run(scope, run.ref).inputs == run.inputs


def test_a_dataset_that_is_not_there_is_said_before_anything_runs(session, project) -> None:
    with pytest.raises(NotFound, match="dataset:trips"):
        run_pipeline(session, "flow:pinned", folder=project)


def test_lineage_leads_from_the_dataset_through_the_steps(session, project) -> None:
    commit(session, 1)
    run = run_pipeline(session, "flow:pinned", folder=project)
    with session.begin(write=False) as scope:
        reached = {edge.target for edge in trace(scope, Ref("dataset", "trips", 1), up=False).edges}
    assert {str(run.ref), str(run.steps[0].run)} <= reached


def test_a_method_of_the_class_of_a_value_is_code_of_the_step_that_takes_it(
    session, project
) -> None:
    assert load_output(session, run_pipeline(session, "flow:boxes", folder=project)) == 8
    with edited(project, "shapes.py", "self.side ** 3", "self.side * 3"):
        run = run_pipeline(session, "flow:boxes", folder=project)
    assert load_output(session, run) == 6


def test_the_content_of_a_file_that_a_parameter_names_counts(session, project, tmp_path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one two")
    first = run_pipeline(session, "flow:reading", {"path": str(path)}, folder=project)
    path.write_text("one two three")
    second = run_pipeline(session, "flow:reading", {"path": str(path)}, folder=project)
    assert [load_output(session, run) for run in (first, second)] == [2, 3]


def test_a_step_may_read_the_file_that_an_earlier_one_wrote(session, project) -> None:
    run = run_pipeline(session, "flow:through_a_file", folder=project)
    assert load_output(session, run) == "one two"
    assert (
        run.step("read_back").note == "not cached: made.txt changed while the pipeline was running"
    )


def test_what_is_not_a_dataset_is_left_as_it_is(session, project) -> None:
    with pytest.raises(Invalid, match="expected str"):
        run_pipeline(session, "flow:pinned", {"dataset": 3.5}, folder=project)
