"""Calls that the event loop answers itself: one transaction each, and nothing is waited for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bucle.drivers.db import Database
from bucle.governance.session import House
from bucle.interfaces.mlflow.endpoint import Endpoint
from bucle.interfaces.mlflow.table import all_endpoints
from tests.support.asgi import Answered

Call = Callable[..., Answered]
_POINT = {"key": "loss", "value": 0.5, "timestamp": 1_790_000_000_000, "step": 1}
_TAG = {"key": "team", "value": "bikes"}
# What each is asked, of a run that is there and has a tag `old`.
_ASKED: dict[str, dict[str, Any]] = {
    "experiments/get": {"experiment_id": "0"},
    "experiments/get-by-name": {"experiment_name": "Default"},
    "runs/create": {"experiment_id": "0", "tags": [_TAG]},
    "runs/delete-tag": {"key": "old"},
    "runs/get": {},
    "runs/log-batch": {"metrics": [_POINT] * 20, "params": [_TAG], "tags": [_TAG]},
    "runs/log-metric": _POINT,
    "runs/log-parameter": _TAG,
    "runs/set-tag": _TAG,
    "runs/update": {"status": "FINISHED", "end_time": 1_790_000_001_000, "run_name": "new"},
}


def _brief() -> dict[str, Endpoint[Any]]:
    return {
        endpoint.path.removeprefix("mlflow/"): endpoint
        for endpoint in all_endpoints()
        if isinstance(endpoint, Endpoint) and endpoint.is_brief
    }


@pytest.fixture
def run(call: Call) -> str:
    made = call("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}).json["run"]
    run_id: str = made["info"]["run_id"]
    call("POST", "/api/2.0/mlflow/runs/set-tag", {"run_id": run_id, "key": "old", "value": "x"})
    return run_id


def _ask(call: Call, run: str, path: str) -> Answered:
    asked = dict(_ASKED[path])
    if path.startswith("runs/") and path != "runs/create":
        asked["run_id"] = run
    if _brief()[path].method == "GET":
        words = "&".join(f"{name}={value}" for name, value in asked.items())
        return call("GET", f"/api/2.0/mlflow/{path}?{words}")
    return call("POST", f"/api/2.0/mlflow/{path}", asked)


def test_every_brief_call_is_tried_here() -> None:
    assert _brief().keys() == _ASKED.keys()


@pytest.mark.parametrize("path", _ASKED)
def test_a_brief_call_is_one_transaction_of_the_loop_itself(
    call: Call, run: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    begin = Database.begin

    def noting(self: Database, *, write: bool = True) -> Any:
        begun.append(threading.current_thread().name)
        return begin(self, write=write)

    call("GET", f"/api/2.0/mlflow/runs/get?run_id={run}")  # who asks is known from here on
    monkeypatch.setattr(Database, "begin", noting)
    assert _ask(call, run, path).status == 200
    assert len(begun) == 1
    assert not begun[0].startswith("quick")


@pytest.mark.parametrize("path", _ASKED)
def test_a_brief_call_that_would_wait_is_done_once_in_a_thread(
    house: House, call: Call, run: str, path: str
) -> None:
    begun, over = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with house.drivers.database.begin():
            begun.set()
            over.wait(30)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_slowly)
        begun.wait(30)
        threading.Timer(0.05, over.set).start()
        answer = _ask(call, run, path)
        slow.result()
    assert answer.status == 200
    found = call("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"]}).json["runs"]
    assert len(found) == (2 if path == "runs/create" else 1)
    has_points = any(one["data"].get("metrics") for one in found)
    assert has_points == (path in {"runs/log-batch", "runs/log-metric"})
