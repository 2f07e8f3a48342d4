import json
import math
import shutil

import pytest

from bucle.base.refs import Ref
from bucle.interfaces.client.importing.carrier import Options
from bucle.interfaces.client.importing.carry import carry
from bucle.interfaces.client.importing.open import open_source
from tests.unit.interfaces.client.importing.conftest import CHILD, MODEL, RUN, add_run, write


def bring(client, root, **options):
    return carry(client, open_source(str(root)), Options(**options))


def brought(report):
    return {kind: tally.brought for kind, tally in report.tallies.items() if tally.brought}


def test_everything_of_a_store_is_brought(client, root):
    report = bring(client, root)
    assert report.gaps == []
    assert brought(report) == {
        "experiments": 3, "artifacts": 2, "runs": 2, "points": 3, "logged_models": 1, "models": 1,
        "versions": 2, "aliases": 1,
    }  # fmt: skip
    run = client.tracking.get(Ref("run", RUN))
    assert (run.name, run.status, run.experiment) == ("first", "finished", "churn")
    assert run.ended_at.timestamp() == 1700000005
    assert run.params == {"a/b c": "ñ"}
    assert run.code.commit == "c0ffee"
    assert math.isinf(run.metrics["loss"])
    assert client.tracking.get(Ref("run", CHILD)).parent == Ref("run", RUN)
    version = client.registry.get(Ref("model", "churn", "champion"))
    assert (version.number, version.run) == (3, Ref("run", RUN))


def test_a_second_import_brings_nothing(client, root):
    bring(client, root)
    again = bring(client, root)
    assert brought(again) == {}
    assert all(tally.found == tally.unchanged for tally in again.tallies.values())


def test_what_is_new_is_brought_and_what_was_added_here_stays(client, root):
    bring(client, root)
    client.tracking.set_tags(Ref("run", RUN), tags={"ours": "yes"})
    with (root / "123456789012345678" / RUN / "metrics" / "loss").open("a") as lines:
        lines.write("1700000000004 0.25 3\n")
    write(root / "123456789012345678" / RUN / "tags" / "theirs", "yes")
    add_run(root, "a" * 32)
    report = bring(client, root)
    assert brought(report)["runs"] == 2
    run = client.tracking.get(Ref("run", RUN))
    assert run.metrics["loss"] == 0.25
    assert {"ours", "theirs"} <= set(run.tags)
    assert len(client.tracking.points(Ref("run", RUN), "loss").steps) == 4


def test_all_is_looked_at_again_when_asked_and_nothing_is_doubled(client, root):
    bring(client, root)
    report = bring(client, root, again=True)
    assert report.gaps == []
    assert brought(report)["runs"] == 2
    assert len(client.tracking.points(Ref("run", RUN), "loss").steps) == 3


def test_a_file_that_can_not_be_read_is_told_and_brought_when_it_can(client, root):
    add_run(root, "b" * 32, artifact_uri="mlflow-artifacts:/1/b/artifacts")
    report = bring(client, root)
    assert [gap.what for gap in report.gaps] == [f"the artifacts of run {'b' * 32}"]
    assert "--artifacts-from" in report.gaps[0].why
    assert client.tracking.get(Ref("run", "b" * 32)).name == "first"
    write(root.parent / "kept" / "1" / "b" / "artifacts" / "x", "y")
    source = open_source(str(root), proxied=str(root.parent / "kept"))
    later = carry(client, source, Options())
    assert later.gaps == []
    assert [one.path for one in client.tracking.artifacts(Ref("run", "b" * 32))] == ["x"]


def test_a_run_of_ours_is_never_written_over(client, root):
    client.tracking.start("mine", id=RUN)
    report = bring(client, root)
    assert [gap.what for gap in report.gaps] == [f"run {RUN}"]
    assert client.tracking.get(Ref("run", RUN)).name == "mine"


def test_an_experiment_of_the_same_name_takes_the_runs_in(client, root):
    ours = client.tracking.start("mine", experiment="churn")
    assert bring(client, root).gaps == []
    runs = client.tracking.list(experiment="churn").items
    assert {run.ref.name for run in runs} >= {ours.ref.name, RUN}


def test_files_stay_where_they_are_when_asked(client, root):
    report = bring(client, root, artifacts=False)
    assert "artifacts" not in brought(report)
    assert client.tracking.artifacts(Ref("run", RUN)) == ()


def test_a_store_that_moved_is_the_same_by_its_name(client, root):
    bring(client, root, name="ours")
    moved = root.parent.parent / "moved"
    shutil.move(root, moved)
    report = bring(client, moved, name="ours")
    assert report.gaps == []
    assert report.tallies["runs"].found == 2


def test_a_version_of_elsewhere_keeps_its_address_and_that_is_told(client, root):
    meta = root / "models" / "churn" / "version-1" / "meta.yaml"
    text = meta.read_text()
    source = next(line for line in text.splitlines() if line.startswith("source"))
    meta.write_text(text.replace(source, "source: /their/disk/model"))
    report = bring(client, root)
    assert [gap.what for gap in report.gaps] == ["the files of version 1 of 'churn'"]


def test_every_thing_leaves_a_fact(client, root):
    bring(client, root)
    types = {event.type for event in client.audit.events(limit=1000).items}
    assert {"experiment.adopted", "run.adopted", "logged_model.adopted", "model.adopted",
            "model.version_adopted", "model.promoted"} <= types  # fmt: skip
    assert client.audit.verify().ok


def test_what_came_from_where_can_be_asked(client, root):
    bring(client, root)
    (source,) = client.imports.sources()
    assert (source.source, source.things) == (str(root), 10)
    (known,) = client.imports.look(source=str(root), theirs=(f"logged_model:{MODEL}",))
    assert known.ours == Ref("logged_model", MODEL)


@pytest.mark.parametrize("form", [2, 3])
def test_a_trace_is_brought_with_its_spans_in_either_form(client, root, form):
    folder = root / "123456789012345678" / "traces" / "tr-1"
    write(folder / "trace_info.yaml",
          "trace_id: tr-1\nrequest_time: '2026-01-02T03:04:05.678Z'\nstate: OK\n"
          "execution_duration_ms: 7\n")  # fmt: skip
    old = {"name": "ask", "context": {"span_id": "0x01", "trace_id": "0x02"}, "parent_id": None,
           "start_time": 5, "end_time": 9, "status_code": "OK",
           "attributes": {"n": "1"}}  # fmt: skip
    new = {"name": "ask", "trace_id": "Ag==", "span_id": "AQ==", "parent_span_id": None,
           "start_time_unix_nano": 5, "end_time_unix_nano": 9, "attributes": {"n": "1"},
           "status": {"code": "STATUS_CODE_OK"}}  # fmt: skip
    write(folder / "artifacts" / "traces.json", json.dumps({"spans": [old if form == 2 else new]}))
    report = bring(client, root)
    assert report.gaps == []
    assert report.tallies["traces"].brought == 1


def test_very_many_points_come_in_parts_and_all_of_them_once(client, root):
    path = root / "123456789012345678" / RUN / "metrics" / ("very/long/" + "name" * 30)
    write(path, "".join(f"{1700000000000 + step} {step} {step}\n" for step in range(120_000)))
    report = bring(client, root)
    assert report.tallies["points"].brought == 120_003
    series = {one.name: one.count for one in client.tracking.metrics(Ref("run", RUN))}
    assert sum(series.values()) == 120_003
    assert brought(bring(client, root)) == {}
