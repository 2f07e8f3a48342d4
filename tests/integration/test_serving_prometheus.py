"""A real Prometheus reads the model server: every metric, alert rule and panel is understood."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.support.model_server import model_server
from tests.support.processes import free_port, stop, wait_until
from tests.support.prometheus import program

OPS = Path(__file__).resolve().parents[2] / "bucle/interfaces/predict/ops"
ROW = b'{"heat": 1.5, "city": "here"}'
WORDS = {"$__rate_interval": "5s", "$project": ".*", "$deployment": ".*"}
# What no panel shows data of after a minute in which nothing went wrong and no worker was added.
EMPTY = {"Refused, turned away, late"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("watched")) as url:
        yield url


@pytest.fixture(scope="module")
def ask(served: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    folder = tmp_path_factory.mktemp("prometheus")
    told = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(OPS / "bucle.rules.yml")],
        "scrape_configs": [
            {"job_name": "bucle", "static_configs": [{"targets": [served.partition("//")[2]]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(told), encoding="utf-8")
    port = free_port()
    process = subprocess.Popen(
        [program("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
         f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def get(path: str, **query: str) -> Any:
        address = f"http://127.0.0.1:{port}/api/v1/{path}?{urlencode(query)}"
        with urlopen(address, timeout=10) as answer:
            found = json.loads(answer.read())
        assert found["status"] == "success", found
        return found["data"]

    def has_seen(expression: str) -> bool:
        _call(served, "/predict/demand")
        _call(served, "/explain/demand")
        try:
            return bool(get("query", query=expression)["result"])
        except OSError:
            return False

    seen = "rate(bucle_predict_explanations_total[5s]) > 0"
    assert wait_until(lambda: has_seen(seen), within_s=60)
    yield get
    stop(process)


def test_every_panel_of_the_dashboard_shows_something(ask, subtests: pytest.Subtests) -> None:
    dashboard = json.loads((OPS / "bucle.dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            with subtests.test(f"{panel['title']}: {target['legendFormat']}"):
                found = ask("query", query=filled(target["expr"]))["result"]
                assert found or panel["title"] in EMPTY


def test_what_a_dashboard_lets_choose_from_is_there(ask) -> None:
    dashboard = json.loads((OPS / "bucle.dashboard.json").read_text(encoding="utf-8"))
    (annotation,) = dashboard["annotations"]["list"]
    ask("query", query=filled(annotation["expr"]))
    for variable in dashboard["templating"]["list"][1:]:
        series, _, label = variable["definition"][len("label_values(") : -1].rpartition(", ")
        found = ask("series", **{"match[]": filled(series)})
        assert {one[label] for one in found} <= {"default", "demand"}
        assert found


def test_the_alert_rules_are_in_force_and_none_fires(ask) -> None:
    assert wait_until(lambda: all(rule["health"] == "ok" for rule in rules(ask)), within_s=20), (
        rules(ask)
    )
    assert [rule["name"] for rule in rules(ask) if rule["state"] == "firing"] == []


def test_the_text_passes_the_lint_of_prometheus(served: str) -> None:
    _call(served, "/predict/demand", b'{"heat": "warm"}')
    _call(served, "/explain/demand")
    with urlopen(f"{served}/metrics", timeout=10) as answer:
        text = answer.read()
    ran = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()


def rules(ask: Callable[..., Any]) -> list[dict[str, Any]]:
    return [rule for group in ask("rules")["groups"] for rule in group["rules"]]


def filled(expression: str) -> str:
    for word, value in WORDS.items():
        expression = expression.replace(word, value)
    return expression


def _call(url: str, path: str, body: bytes = ROW) -> None:
    """Ask, whatever is answered."""
    with suppress(HTTPError), urlopen(Request(f"{url}{path}", body), timeout=10):
        pass
