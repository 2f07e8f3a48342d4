"""The MLflow protocol over plain HTTP: what its client sends, without needing it."""

import math
import threading
import time
from collections import Counter
from typing import Any

import httpx

API = "/api/2.0/mlflow"
_PAUSE_S = 0.05
_PATIENCE_S = 60


def open_http(url: str, token: str) -> httpx.Client:
    """Return a client of a server; the header is the one that MLFLOW_TRACKING_TOKEN makes."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=30)


def post(http: httpx.Client, path: str, **fields: Any) -> dict[str, Any]:
    """Make a call, and return its answer."""
    answer = http.post(f"{API}/{path}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def create_run(http: httpx.Client, name: str = "a run") -> str:
    """Begin a run in the default experiment and return its id."""
    fields = {"experiment_id": "0", "run_name": name, "start_time": 1_790_000_000_000}
    return post(http, "runs/create", **fields)["run"]["info"]["run_id"]


def history(http: httpx.Client, run: str, key: str = "loss") -> list[dict[str, Any]]:
    """Return every point of a metric."""
    answer = http.get(f"{API}/metrics/get-history", params={"run_id": run, "metric_key": key})
    assert answer.status_code == 200, answer.text
    return answer.json()["metrics"]


class Writer:
    """One client in a thread: it logs 0, 1, 2, ... and sends a point again until it is accepted.

    As MLflow's client does, it takes a broken connection and a 5xx for a reason to try again.  A
    point that is sent again is the same point: the protocol keeps it once.
    """

    def __init__(self, url: str, token: str, *, points: int | None = None) -> None:
        self._url, self._token = url, token
        self._points = points  # None: until it is told to stop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.accepted = 0  # the steps below it are acknowledged
        self.again = 0  # how often something was sent again
        self.failed = ""  # "": nothing that it could not repair
        with open_http(url, token) as http:
            self.run = create_run(http)

    def start(self) -> "Writer":
        """Begin to log."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Log nothing new, and wait until what was sent is accepted."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until it is done."""
        self._thread.join(timeout=_PATIENCE_S * 2)
        assert not self._thread.is_alive()

    def _work(self) -> None:
        try:
            with open_http(self._url, self._token) as http:
                while not self._stop.is_set() and self.accepted != self._points:
                    left = math.inf if self._points is None else self._points - self.accepted
                    self._send(http, min(20 if self.accepted % 5 == 4 else 1, left))
        except Exception as error:  # noqa: BLE001 - told to the test
            self.failed = f"{type(error).__name__}: {error}"

    def _send(self, http: httpx.Client, count: float) -> None:
        steps = range(self.accepted, self.accepted + int(count))
        points = [
            {"key": "loss", "value": step / 2, "timestamp": 1_790_000_000_000 + step, "step": step}
            for step in steps
        ]
        path, body = ("runs/log-batch", {"run_id": self.run, "metrics": points})
        if count == 1:
            path, body = "runs/log-metric", {"run_id": self.run, **points[0]}
        deadline = time.monotonic() + _PATIENCE_S
        while not self._taken(http, path, body):
            assert time.monotonic() < deadline, "nobody answered for a minute"
            self.again += 1
            time.sleep(_PAUSE_S)
        self.accepted += len(steps)

    def _taken(self, http: httpx.Client, path: str, body: dict[str, Any]) -> bool:
        try:
            answer = http.post(f"{API}/{path}", json=body)
        except httpx.TransportError:
            return False
        if answer.status_code == 503:
            assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE", answer.text
            return False
        assert answer.status_code == 200, answer.text
        return True


def check(http: httpx.Client, writers: list[Writer]) -> None:
    """Check that every accepted point is there, once, with its value, and nothing else is."""
    for writer in writers:
        assert writer.failed == ""
        points = history(http, writer.run)
        assert Counter(point["step"] for point in points) == Counter(range(writer.accepted))
        assert all(point["value"] == point["step"] / 2 for point in points)
