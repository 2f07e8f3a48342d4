"""Of any prediction one can ask where it came from, and of any rows where they went."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bucle.interfaces.cli.main import run
from tests.story.taps_story import DAY, ROWS, at_the_command_line, flow, open_taps

pytestmark = pytest.mark.story
HEATS = [float(heat) for heat in range(20, 35)]


class Turned:
    """A loop that has turned twice: trained, served, labelled, folded back, trained again."""

    def __init__(self, folder: Path) -> None:
        self.taps = open_taps(folder)
        self.taps.commit(flow())
        self.taps.settle()
        self.first = self.taps.answers(HEATS)
        self.taps.label(self.first, HEATS)
        self.taps.settle(DAY)
        self.second = self.taps.answers(HEATS)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turned]:
    loop = Turned(tmp_path_factory.mktemp("turned"))
    yield loop
    loop.taps.house.close()


class Traced:
    """What `bucle lineage` printed."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.nodes = set(said["nodes"])
        self.edges = said["edges"]

    def kinds(self) -> set[str]:
        return {node.partition(":")[0] for node in self.nodes}

    def edge(self, source: str, relation: str) -> dict[str, Any]:
        found = [e for e in self.edges if (e["source"], e["relation"]) == (source, relation)]
        assert found, f"no {relation} from {source} among {self.edges}"
        return dict(found[0])


@pytest.fixture
def lineage(
    turned: Turned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    at_the_command_line(turned.taps, monkeypatch)

    def ask(*arguments: str) -> Traced:
        assert run(["lineage", *arguments, "--json"]) == 0
        return Traced(json.loads(capsys.readouterr().out))

    return ask


def test_a_prediction_leads_to_its_deployment_model_run_code_environment_and_rows(
    turned: Turned, lineage: Any
) -> None:
    found = lineage(f"prediction:{turned.first[0]}")
    assert "model:want@1" in found.nodes
    assert "model:want@2" not in found.nodes
    assert found.kinds() >= {"deployment", "model", "run", "environment", "dataset", "pipeline"}
    assert {node for node in found.nodes if node.startswith("dataset:")} == {"dataset:flow@1"}
    read = found.edge("dataset:flow@1", "read")
    assert (read["detail"]["rows"], read["detail"]["files"]) == (ROWS, 1)
    assert found.edge("dataset:flow@1", "trained")["target"] == "model:want@1"
    assert any(edge["relation"] == "code" for edge in found.edges)


def test_a_prediction_after_the_loop_leads_back_through_the_labels_that_were_folded_in(
    turned: Turned, lineage: Any
) -> None:
    found = lineage(f"prediction:{turned.second[0]}")
    assert {"model:want@2", "dataset:flow@2", "dataset:flow@1"} <= found.nodes
    read = found.edge("dataset:flow@2", "read")
    assert (read["detail"]["rows"], read["detail"]["files"]) == (ROWS + len(HEATS), 2)
    folded = next(edge for edge in found.edges if edge["relation"] == "folded")
    assert (folded["target"], folded["detail"]["rows"]) == ("dataset:flow@2", len(HEATS))
    assert any(
        (edge["source"], edge["target"]) == ("model:want@1", folded["source"])
        for edge in found.edges
    )
    trigger = [node for node in found.nodes if node.startswith("trigger:")]
    assert trigger == ["trigger:fresh"]


def test_a_dataset_version_leads_to_every_model_and_deployment_that_used_it(
    turned: Turned, lineage: Any
) -> None:
    found = lineage("dataset:flow@1", "--down")
    assert {"model:want@1", "model:want@2", "dataset:flow@2"} <= found.nodes
    served = {edge["source"] for edge in found.edges if edge["relation"] == "served_by"}
    assert served == {"model:want@1", "model:want@2"}
    folded = {edge["source"] for edge in found.edges if edge["relation"] == "folded"}
    assert folded <= found.nodes
    assert len(folded) == 1
    second = lineage("dataset:flow@2", "--down")
    assert "model:want@2" in second.nodes
    assert "model:want@1" not in second.nodes


def test_a_name_without_a_number_means_the_newest_and_an_alias_what_bears_it(
    turned: Turned, lineage: Any
) -> None:
    assert lineage("dataset:flow", "--down").nodes == lineage("dataset:flow@2", "--down").nodes
    assert lineage("model:want@champion").nodes == lineage("model:want@2").nodes


@pytest.mark.parametrize(
    "ref", ["model:want@9", "dataset:nothing", "deployment:want@99", "prediction:0"]
)
def test_what_is_not_known_is_said(
    turned: Turned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ref: str
) -> None:
    at_the_command_line(turned.taps, monkeypatch)
    assert run(["lineage", ref]) in {3, 5}
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "hint: " in said


def test_a_person_sees_a_tree(
    turned: Turned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_the_command_line(turned.taps, monkeypatch)
    assert run(["lineage", f"prediction:{turned.first[0]}"]) == 0
    said = capsys.readouterr().out
    assert "model:want@1" in said
    assert f"dataset:flow@1 read, {ROWS} rows, 1 files" in said
