"""Running pipelines: caching, failures, retries, parallel branches, what is recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.session import Session
from bucle.lifecycle.pipelines import (
    PipelineRun,
    get_pipeline_run,
    list_pipeline_runs,
    load_output,
    resume_pipeline,
    run_pipeline,
)
from bucle.lifecycle.tracking import get_run, list_artifacts
from tests.support.project import edited, write_project

HEAD = """
from pathlib import Path
from bucle.lifecycle.pipelines.define import pipeline, step
from bucle.lifecycle.pipelines.context import current

def mark(name):
    with current().folder.joinpath("marks").open("a") as file:
        file.write(name + "\\n")
"""
FLOW = (
    HEAD
    + """
from scale import scaled

@step
def load(rows: int) -> list:
    mark("load")
    print("loading", rows)
    return list(range(rows))

@step
def total(values):
    mark("total")
    return scaled(sum(values))

@step
def largest(values):
    mark("largest")
    return max(values)

@step
def report(total, largest):
    mark("report")
    return {"total": total, "largest": largest}

@pipeline
def train(rows: int = 4):
    values = load(rows)
    return report(total(values), largest(values))
"""
)
SCALE = "def scaled(value):\n    return value * 10\n"


@pytest.fixture
def train(session: Session, folder: Path) -> Callable[..., PipelineRun]:
    write_project(folder, {"flow.py": FLOW, "scale.py": SCALE})

    def run(**params: object) -> PipelineRun:
        return run_pipeline(session, "flow:train", params, folder=folder)

    return run


def statuses(run: PipelineRun) -> dict[str, str]:
    return {step.name: step.status for step in run.steps}


def test_a_pipeline_runs_its_steps_and_returns_what_they_made(session, train, ran) -> None:
    run = train(rows=4)
    assert run.status == "finished"
    assert load_output(session, run) == {"total": 60, "largest": 3}
    assert sorted(ran()) == ["largest", "load", "report", "total"]


def test_a_second_run_takes_every_value_from_the_first(session, train, ran) -> None:
    first, second = train(), train()
    assert set(statuses(second).values()) == {"cached"}
    assert len(ran()) == 4
    assert load_output(session, second) == {"total": 60, "largest": 3}
    assert second.step("load").run == first.step("load").run


def test_an_edited_helper_runs_again_only_what_uses_it(session, train, ran, folder) -> None:
    train()
    with edited(folder, "scale.py", "value * 10", "value * 11"):
        run = train()
    assert statuses(run) == {
        "load": "cached", "total": "finished", "largest": "cached", "report": "finished",
    }  # fmt: skip
    assert load_output(session, run) == {"total": 66, "largest": 3}
    assert run.step("total").note == "changed: scale:scaled"
    assert run.step("report").note == "its inputs or the environment changed"


def test_a_step_that_makes_the_same_value_again_spares_what_follows(train, folder) -> None:
    train()
    with edited(folder, "scale.py", "value * 10", "10 * value"):
        assert statuses(train())["report"] == "cached"


def test_another_parameter_is_another_value(train, ran) -> None:
    train(rows=4)
    assert set(statuses(train(rows=5)).values()) == {"finished"}
    assert len(ran()) == 8


def test_each_step_is_a_run_with_its_parent_usage_and_log(session, train) -> None:
    run = train(rows=3)
    with session.begin(write=False) as scope:
        step = get_run(scope, run.step("load").run)
        artifacts = list_artifacts(scope, step.ref)
        whole = get_run(scope, run.ref)
    assert (step.kind, step.parent, step.params) == ("step", run.ref, {"rows": 3})
    assert step.usage is not None
    assert step.usage.cpu_s > 0
    assert [artifact.path for artifact in artifacts] == ["log.txt"]
    assert (whole.kind, whole.status, whole.params) == ("pipeline", "finished", {"rows": 3})
    assert step.code == whole.code
    assert step.environment is not None


def test_a_run_is_found_again_with_its_steps(session, train) -> None:
    run = train()
    with session.begin(write=False) as scope:
        assert get_pipeline_run(scope, run.ref) == run
        assert list_pipeline_runs(scope).items == (run,)
        with pytest.raises(NotFound):
            get_pipeline_run(scope, Ref("run", "01NONE"))


def test_a_second_call_under_the_id_of_a_finished_run_returns_it(
    session, folder, train, ran
) -> None:
    train()
    ref = Ref("run", "01JOB")
    first = run_pipeline(session, "flow:train", {"rows": 9}, folder=folder, run=ref)
    assert first.ref == ref
    assert run_pipeline(session, "flow:train", {"rows": 9}, folder=folder, run=ref) == first
    assert len(ran()) == 8


FAILING = (
    HEAD
    + """
@step
def left():
    mark("left")
    return 1

@step
def right(rows):
    mark("right")
    if not Path("{flag}").exists():
        raise ValueError("no rows")
    return rows

@step
def join(left, right):
    mark("join")
    return left + right

@pipeline
def train(rows: int = 1):
    return join(left(), right(rows))
"""
)


@pytest.fixture
def flag(tmp_path: Path, folder: Path) -> Path:
    path = tmp_path / "flag"
    write_project(folder, {"failing.py": FAILING.replace("{flag}", str(path))})
    return path


def test_a_failing_step_fails_the_run_and_skips_what_needs_it(session, folder, flag, ran) -> None:
    run = run_pipeline(session, "failing:train", folder=folder)
    assert statuses(run) == {"left": "finished", "right": "failed", "join": "skipped"}
    assert run.status == "failed"
    assert run.error == "step 'right' failed: ValueError: no rows"
    assert run.step("join").note == "needs right"
    with session.begin(write=False) as scope:
        failed = get_run(scope, run.step("right").run)
    assert failed.status == "failed"
    assert "in right\n    raise ValueError" in failed.error


def test_the_event_of_a_failure_names_step_input_error_and_what_to_type(
    session, folder, flag
) -> None:
    run = run_pipeline(session, "failing:train", {"rows": 7}, folder=folder)

    with session.begin(write=False) as scope:
        (event,) = [e for e in events_after(scope, 0) if e.type == "pipeline.failed"]
    assert event.ref == str(run.ref)
    assert (event.body["step"], event.body["params"]) == ("right", {"rows": 7})
    assert event.body["error"] == "ValueError: no rows"
    assert event.body["next"] == f"bucle pipelines resume {run.ref}"


def test_a_failed_run_resumes_at_the_step_that_failed(session, folder, flag, ran) -> None:
    run = run_pipeline(session, "failing:train", folder=folder)
    flag.touch()
    again = resume_pipeline(session, run.ref)
    assert again.ref == run.ref
    assert again.status == "finished"
    assert sorted(ran()) == ["join", "left", "right", "right"]
    assert load_output(session, again) == 2


RETRIED = (
    HEAD
    + """
import os, time

@step(retries=3, backoff_s=0)
def flaky():
    mark("flaky")
    marks = (current().folder / "marks").read_text().count("flaky")
    if marks == 1:
        raise OSError("not yet")
    if marks == 2:
        os._exit(9)
    return marks

@step(timeout_s=0.3)
def endless():
    time.sleep(60)

@step(cache=False)
def always():
    mark("always")
    return 1

@pipeline
def patient():
    return flaky()

@pipeline
def slow():
    return endless()

@pipeline
def fresh():
    return always()
"""
)


def test_a_step_is_tried_again_after_an_error_and_after_a_crash(session, folder, ran) -> None:
    write_project(folder, {"retried.py": RETRIED})
    run = run_pipeline(session, "retried:patient", folder=folder)
    assert run.status == "finished"
    assert run.step("flaky").attempts == 3
    assert load_output(session, run) == 3


def test_a_step_that_outlives_its_time_is_killed(session, folder) -> None:
    write_project(folder, {"retried.py": RETRIED})
    run = run_pipeline(session, "retried:slow", folder=folder)
    assert run.status == "failed"
    assert "took longer than" in run.error


def test_a_step_that_is_not_cached_runs_each_time_and_says_why(session, folder, ran) -> None:
    write_project(folder, {"retried.py": RETRIED})
    for _ in range(2):
        run = run_pipeline(session, "retried:fresh", folder=folder)
        assert run.step("always").note == "not cached: cache=False"
    assert ran() == ["always", "always"]


MISTAKES = [
    ({"rows": "many"}, "parameter 'rows' of pipeline 'train' is 'many'; expected int"),
    ({"row": 3}, "pipeline 'train' has no parameter 'row'"),
    ({"rows": object()}, "parameter 'rows' of pipeline 'train' is a object"),
]


@pytest.mark.parametrize(("params", "message"), MISTAKES, ids=["kind", "name", "plain"])
def test_a_wrong_parameter_is_named_with_its_value(train, params, message) -> None:
    with pytest.raises(Invalid) as raised:
        train(**params)
    assert message in raised.value.message


def test_text_from_the_command_line_is_read_as_the_annotation_says(session, train) -> None:
    assert train(rows="4").params == {"rows": 4}


PLACES = [
    ("flow", Invalid, "does not name a pipeline"),
    ("absent:train", NotFound, "there is no module 'absent'"),
    ("flow:absent", NotFound, "has no 'absent'"),
    ("flow:load", Invalid, "is a Step and no pipeline"),
    ("broken:train", Invalid, "'broken:train' can not be read: SyntaxError"),
]


@pytest.mark.parametrize(("reference", "kind", "message"), PLACES, ids=[p[2] for p in PLACES])
def test_what_is_no_pipeline_is_said(session, train, folder, reference, kind, message) -> None:
    write_project(folder, {"broken.py": "def train(:\n"})
    with pytest.raises(kind) as raised:
        run_pipeline(session, reference, folder=folder)
    assert message in raised.value.message
