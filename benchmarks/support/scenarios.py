"""What the `mlflow` client is made to do, in the environment that has it (see `mlflow_asks.py`).

A scenario is a function of the watched server and of what the script tells it; what it returns
is told as JSON.
"""

import filecmp
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient
from support.mlflow_asks import Watched
from support.processes import cpu_s, pss_mb, rss_mb


def calls(watched: Watched, count: int) -> dict[str, Any]:
    """Make the calls of a training loop, one by one."""
    client = MlflowClient()
    experiment = client.create_experiment(f"calls {time.time_ns()}")
    run = client.create_run(experiment).info.run_id
    thousand = [Metric(f"m{n % 10}", n / 7, 1_790_000_000_000 + n, n // 10) for n in range(1000)]

    def create_and_end(_: int) -> None:
        client.set_terminated(client.create_run(experiment).info.run_id)

    # The run that is got holds what a run holds: ten of each.
    full = client.create_run(experiment).info.run_id
    client.log_batch(
        full, thousand[:10], [Param(f"p{n}", "1") for n in range(10)],
        [RunTag(f"t{n}", "1") for n in range(5)],
    )  # fmt: skip
    ways: dict[str, tuple[Callable[[int], object], int]] = {
        "log_metric": (lambda n: client.log_metric(run, "loss", 1 / (n + 1), step=n), count),
        "log_param": (lambda n: client.log_param(run, f"p{n}", n), count),
        "set_tag": (lambda n: client.set_tag(run, f"t{n}", n), count),
        "get_run": (lambda _: client.get_run(full), count),
        "create and end run": (create_and_end, count),
        "log_batch of 1,000 metrics": (
            lambda n: client.log_batch(run, [moved(one, n) for one in thousand]),
            max(count // 5, 10),
        ),
    }

    def moved(one: Metric, by: int) -> Metric:
        return Metric(one.key, one.value, one.timestamp + by * 1000, one.step + (by + 1) * 100)

    for call, times in ways.values():
        for number in range(10):
            call(times + number)  # warm: connections, caches, code
    return {name: watched.used(call, times) for name, (call, times) in ways.items()}


def memory(watched: Watched) -> dict[str, float]:
    """Tell what the server holds, and what it has used so far."""
    return {"pss_mb": pss_mb(watched.pid), "cpu_s": cpu_s(watched.pid)}


def search(
    watched: Watched, queries: dict[str, list[Any]], times: int, after: int = 0
) -> dict[str, Any]:
    """Search runs of the experiment `filled`, name -> [filter, order]: the page after so many."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name("filled").experiment_id
    found = {}
    for name, (text, order) in queries.items():
        token = None
        for _ in range(after // 5_000):
            token = client.search_runs(
                [experiment], text, order_by=order, max_results=5_000, page_token=token
            ).token

        def ask(
            _: int, text: str = text, order: list[str] = order, token: str | None = token
        ) -> int:
            return len(
                client.search_runs(
                    [experiment], text, order_by=order, max_results=100, page_token=token
                )
            )

        runs = ask(0)  # warm
        found[name] = watched.median(ask, times) | {"runs": runs}
    return found


def page_all(watched: Watched, runs: int) -> dict[str, Any]:
    """Read all runs of the experiment `paged`, a thousand a page."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name("paged").experiment_id
    seen: set[str] = set()

    def read(_: int) -> None:
        token = None
        while True:
            page = client.search_runs([experiment], max_results=1000, page_token=token)
            seen.update(run.info.run_id for run in page)
            token = page.token
            if not token:
                return

    used = watched.used(read, 1)
    assert len(seen) == runs, (len(seen), runs)
    return used


def history(watched: Watched, run: str, points: int) -> dict[str, Any]:
    """Read a long series: whole, as the client pages it; in one answer; thinned out."""
    client = MlflowClient()
    url = os.environ["MLFLOW_TRACKING_URI"]
    peak = Peak(watched.pid)
    found: dict[str, Any] = {}

    def by_client(_: int) -> None:
        got = client.get_metric_history(run, "loss")
        assert len(got) == points, (len(got), points)

    def in_one(_: int) -> None:
        asked = (
            f"{url}/api/2.0/mlflow/metrics/get-history?run_id={run}&run_uuid={run}&metric_key=loss"
        )
        length = sum(len(part) for part in _parts(asked))
        assert length > points * 20, length

    def thinned(_: int) -> None:
        asked = (
            f"{url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
            f"?run_ids={run}&metric_key=loss&max_results=1000"
        )
        got = json.loads(b"".join(_parts(asked)))["metrics"]
        assert 900 <= len(got) <= 1100, len(got)

    thinned_is_there = _is_there(thinned)
    with peak:
        found["in one answer"] = watched.used(in_one, 1)
    found["in one answer"]["more_memory_mb"] = peak.more_mb
    found["by the client"] = watched.used(by_client, 1)
    if thinned_is_there:
        found["thinned to 1,000"] = watched.median(thinned, 5)
    return found


def artifacts(watched: Watched, many: int, large_mb: int, folder: str) -> dict[str, Any]:
    """Log many small files and a large one, list them, and read the large one back."""
    client = MlflowClient()
    run = client.create_run(client.create_experiment(f"files {time.time_ns()}")).info.run_id
    found: dict[str, Any] = {"uri": client.get_run(run).info.artifact_uri.split(":")[0]}
    small = Path(tempfile.mkdtemp(dir=folder))
    for number in range(many):
        (small / f"{number:04}.txt").write_bytes(os.urandom(512).hex().encode())
    found["log one of 1 KB"] = _shared(
        watched.used(lambda _: client.log_artifacts(run, str(small), "small"), 1), many
    )
    if not _is_there(lambda _: client.list_artifacts(run, "small")):
        return found  # FastTrackML, with this client: it has no logged models
    found["list all of them"] = watched.median(lambda _: client.list_artifacts(run, "small"), 5) | {
        "files": len(client.list_artifacts(run, "small"))
    }
    large = Path(folder) / "large.bin"
    block = os.urandom(1 << 20)
    with large.open("wb") as file:
        for number in range(large_mb):
            file.write(number.to_bytes(8, "big") + block[8:])
    for name, call in (
        ("upload", lambda _: client.log_artifact(run, str(large), "large")),
        ("download", lambda _: client.download_artifacts(run, "large/large.bin", str(small))),
    ):
        with Peak(watched.pid) as peak:
            used = watched.used(call, 1)
        found[f"{name} {large_mb} MB"] = used | {
            "mb_per_s": round(large_mb / used["wall_ms"] * 1e3, 1), "more_memory_mb": peak.more_mb
        }  # fmt: skip
    (got,) = small.rglob("large.bin")
    found["same bytes"] = filecmp.cmp(large, got, shallow=False)
    return found


def one_client(watched: Watched, seconds: float, number: int) -> dict[str, Any]:  # noqa: ARG001 - all scenarios have it
    """Log single points for a while, every tenth call a batch of 100; tell what was accepted."""
    client = MlflowClient()
    run = client.create_run("0", run_name=f"client {number}").info.run_id
    print("ready", flush=True)
    sys.stdin.readline()
    ends = time.monotonic() + seconds
    step = calls_made = 0
    while time.monotonic() < ends:
        if calls_made % 10 == 9:
            now = int(time.time() * 1000)
            batch = [Metric("loss", float(step + n), now, step + n) for n in range(100)]
            client.log_batch(run, batch)
            step += 100
        else:
            client.log_metric(run, "loss", float(step), step=step)
            step += 1
        calls_made += 1
    return {"run": run, "points": step, "calls": calls_made}


def check_points(watched: Watched, runs: dict[str, int]) -> dict[str, Any]:  # noqa: ARG001 - all scenarios have it
    """Compare what is kept of each run with what was accepted: 0, 1, 2, ... once each."""
    client = MlflowClient()
    lost = doubled = 0
    for run, points in runs.items():
        steps = [metric.step for metric in client.get_metric_history(run, "loss")]
        lost += len(set(range(points)) - set(steps))
        doubled += len(steps) - len(set(steps))
    return {"lost": lost, "doubled": doubled}


def wide(watched: Watched, keys: int, versions: int) -> dict[str, Any]:
    """Ask for a run of many metrics, and for a model of many versions."""
    client = MlflowClient()
    run = client.create_run(client.create_experiment(f"wide {time.time_ns()}")).info.run_id
    metrics = [Metric(f"layer{n}/weight", n / 3, 1_790_000_000_000, 0) for n in range(keys)]
    client.log_batch(run, metrics)
    found: dict[str, Any] = {"run": run}
    found[f"get a run of {keys} metrics"] = watched.median(lambda _: client.get_run(run), 5)
    assert len(client.get_run(run).data.metrics) == keys
    if not _is_there(lambda _: client.create_registered_model("wide")):
        return found  # FastTrackML has no registry
    for _ in range(versions):
        client.create_model_version("wide", "s3://bucket/model")
    client.set_registered_model_alias("wide", "champion", str(versions // 2))
    found[f"page of 100 of {versions} versions"] = watched.median(
        lambda _: client.search_model_versions("name = 'wide'", max_results=100), 5
    )
    found["get a version by its alias"] = watched.median(
        lambda _: client.get_model_version_by_alias("wide", "champion"), 20
    )
    found[f"search the model with {versions} versions"] = watched.median(
        lambda _: client.search_registered_models("name = 'wide'"), 5
    )
    return found


class Peak:
    """The most that a server holds while a block runs, above what it held before."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.more_mb = 0.0

    def __enter__(self) -> Self:
        before = rss_mb(self._pid)
        self._ended = threading.Event()

        def watch() -> None:
            while not self._ended.wait(0.05):
                self.more_mb = max(self.more_mb, round(rss_mb(self._pid) - before, 1))

        self._thread = threading.Thread(target=watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _parts(url: str) -> Iterator[bytes]:
    """Yield the body of an answer; only what is asked for, no client library in the way."""
    request = urllib.request.Request(url)
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=1800) as answer:
        while part := answer.read(1 << 20):
            yield part


def _is_there(call: Callable[[int], object]) -> bool:
    """Tell whether the server has a call at all."""
    try:
        call(0)
    except Exception as error:  # noqa: BLE001 - whatever a peer answers that has it not
        print(f"not there: {str(error)[:200]}", file=sys.stderr)
        return False
    return True


def _shared(used: dict[str, float], among: int) -> dict[str, float]:
    return {name: round(value / among, 3) for name, value in used.items()}


SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {
    one.__name__: one
    for one in (artifacts, calls, check_points, history, memory, one_client, page_all, search, wide)
}

if __name__ == "__main__":
    told = json.loads(sys.argv[2])
    watched = Watched(pid=told.pop("pid"), database=told.pop("database"))
    print(json.dumps(SCENARIOS[sys.argv[1]](watched, **told)))
