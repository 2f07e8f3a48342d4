"""Mistakes in `bucle.yaml`: each names the file, the place and what is allowed."""

import pytest

from bucle.base.errors import Invalid
from bucle.control.spec.project import parse_project, project_schema

HEAD = "version: 1\nproject: bikes\n"
MODEL = 'pipelines: {train: {run: "loop:train"}}\nmodels: {m: {}}\ndeployments: {d: {model: m}}\n'


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (HEAD + "modles: {}\n", "bucle.yaml:3: 'modles' is not known", "did you mean models?"),
        (HEAD + "monitors:\n  m:\n    deploymint: d\n", "bucle.yaml:5: in monitors.m: 'deploymint'",
         "did you mean deployment?"),
        ("version: 2\nproject: a\n", "bucle.yaml:1: in version:", ""),
        ("project: a\n", "bucle.yaml:1:", ""),
        (HEAD + "triggers:\n  t: {on: noon, run: x}\n", "bucle.yaml:4: in triggers.t.on:", ""),
        (HEAD + "a: [1\n", "not YAML", "indentation"),
        ("- 1\n", "bucle.yaml:1: it holds no settings", "bucle init"),
        (HEAD + "deployments: {d: {model: x}}\n", "in deployments.d: there is no model 'x'",
         "declared: nothing"),
        (HEAD + MODEL + "monitors: {m: {deployment: e}}\n", "there is no deployment 'e'",
         "declared: d"),
        (HEAD + MODEL + "triggers: {t: {on: drift, run: train}}\n",
         "in triggers.t: on drift needs 'monitor'", "add monitor"),
        (HEAD + MODEL + "triggers: {t: {on: schedule, run: train, cron: x}}\n",
         "in triggers.t.cron: 'x' is not a cron", "five fields"),
        (HEAD + MODEL + "monitors: {m: {deployment: d, every: often}}\n",
         "in monitors.m: 'often' is not a duration", "write 90s"),
        (HEAD + MODEL + "monitors: {m: {deployment: d, performance: {metric: mse}}}\n",
         "in monitors.m: 'mse' is not a metric", "mae"),
        (HEAD + MODEL + "monitors: {m: {deployment: d, drift: {method: ks}}}\n",
         "in monitors.m: 'ks' is not a measure", "psi, js"),
        (HEAD + MODEL + "datasets: {r: {}}\nfeedback:\n  a: {deployment: d, into: r, label: y}\n"
         "  b: {deployment: d, into: r, label: y}\n", "the labels of 'd' go two ways: a, b",
         "declare one"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(
    text: str, said: str, hint: str
) -> None:
    with pytest.raises(Invalid) as error:
        parse_project(text)
    assert said in error.value.message
    assert hint in (error.value.hint or "")


def test_keys_are_the_names() -> None:
    spec = parse_project(HEAD + MODEL + "monitors: {m: {deployment: d}}\n")
    assert (spec.monitors["m"].name, spec.deployments["d"].name) == ("m", "d")


def test_the_published_schema_asks_for_no_names_that_the_keys_give() -> None:
    monitor = project_schema()["$defs"]["MonitorSpec"]
    assert "name" not in monitor["properties"]
    assert monitor["required"] == ["deployment"]
