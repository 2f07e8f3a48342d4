"""How many points a second from one process, over HTTP, into a durable store?

    python benchmarks/sdk_points.py [--points 2000000] [--postgresql postgresql://...]

A server runs in a process of its own; the clock starts before `bucle.run` and stops when the run
has ended, with every point acknowledged by a server that has committed it.  Then the points are
counted.  Beside it stands the limit of a row per point, which needs no server: raw `sqlite3`
`executemany`, and PostgreSQL's COPY, 50,000 a transaction, with nothing else done.

Four ways to say a point: one `log_metric` each, `log_metrics` of ten, `log_series` of 10,000, and
eight processes at once that say ten.  `wire` weighs what 50,000 points are as we send them, and as
JSON columns.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from metric_points import batches, limit_postgresql, limit_sqlite
from report import Figure, arguments, tell

from bucle.base.codec import encode
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client import runs as sdk
from bucle.lifecycle.tracking import metric_points
from bucle.lifecycle.tracking.segments import columns_of, pack

BATCH = 50_000
PASSES = 2
CLIENTS = 8
QUIET = sdk.RunOptions(capture=False, console=False, vitals=False)
NAMES = [f"m{number}" for number in range(10)]


def main() -> None:
    """Measure both databases and print a figure of each."""
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=2_000_000)
    parser.add_argument("--postgresql", default="", help="an empty database")
    parser.add_argument("--client", nargs=3, metavar=("URL", "TOKEN", "POINTS"))
    asked = parser.parse_args()
    if asked.client:
        one_of_eight(*asked.client)
        return
    points = 200_000 if asked.quick else asked.points
    weights = wire()
    measure("sqlite", points, {}, limit_sqlite, weights)
    if asked.postgresql:
        url = asked.postgresql
        measure("postgresql", points, {"BUCLE_DATABASE_URL": url}, limit_postgresql, weights)


def measure(
    database: str,
    points: int,
    settings: dict[str, str],
    limit: Callable[[Path, list[list[tuple[str, int, int, float]]], str], tuple[float, float, int]],
    weights: dict[str, float],
) -> None:
    """Print the figure of one database."""
    with tempfile.TemporaryDirectory() as folder:
        url = settings.get("BUCLE_DATABASE_URL", "")
        rows = min(points, 500_000)
        limit_s, _, _ = limit(Path(folder), batches(rows, BATCH), url)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), settings) as there:
        os.environ["BUCLE_HOME"] = f"{folder}/here"
        with connect(there[0], token=there[1]) as client:
            ways = {
                name: max((timed(client, there[2], way, points) for _ in range(PASSES)), key=_rate)
                for name, way in WAYS.items()
            }
            ways[f"{CLIENTS} processes, log_metrics of ten"] = eight(client, there, points)
    tell(Figure(
        benchmark=f"SDK points over HTTP, {database}",
        ours=ways["log_metrics of ten"]["points_per_s"], beside=rows / limit_s,
        against="rows with nothing else done: " + (
            "raw sqlite3 executemany" if database == "sqlite" else "COPY"),
        unit="points per second",
        details={"points": points, "ways": ways, "wire": weights},
    ))  # fmt: skip


def one(run: sdk.ActiveRun, count: int) -> None:
    """Say each point by itself."""
    for step in range(count):
        run.log_metric("loss", 0.5 * step, step=step)


def ten(run: sdk.ActiveRun, count: int) -> None:
    """Say ten points of a step together."""
    for step in range(count // 10):
        run.log_metrics(dict.fromkeys(NAMES, 0.5 * step), step=step)


def series(run: sdk.ActiveRun, count: int) -> None:
    """Say ten thousand points of a series together."""
    rng = np.random.default_rng(0)
    for _ in range(count // 10_000):
        run.log_series("loss", rng.random(10_000))


WAYS = {"log_metric": one, "log_metrics of ten": ten, "log_series of 10,000": series}


def timed(
    client: Client, pid: int, way: Callable[[sdk.ActiveRun, int], None], count: int
) -> dict[str, float]:
    """Return the points a second until all are acknowledged, and what the loop felt."""
    started, cpu_s, server_s = time.perf_counter(), time.process_time(), cpu_of(pid)
    with sdk.run("bench", client=client, options=QUIET) as run:
        way(run, count)
        looped_s = time.perf_counter() - started
    took_s = time.perf_counter() - started
    cpu_s, server_s = time.process_time() - cpu_s, cpu_of(pid) - server_s
    check(client, run.ref, count)
    return {
        "points_per_s": round(count / took_s),
        "loop_us_per_point": round(looped_s / count * 1e6, 3),
        "client_cpu_us_per_point": round(cpu_s / count * 1e6, 3),
        "server_cpu_us_per_point": round(server_s / count * 1e6, 3),
    }


def cpu_of(pid: int) -> float:
    """Return the processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def eight(client: Client, there: tuple[str, str, int], points: int) -> dict[str, float]:
    """Let several processes log at once; return their total rate, their starts included."""
    each = points // CLIENTS // 10 * 10
    started = time.perf_counter()
    command = [sys.executable, __file__, "--client", *there[:2], str(each)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
    ]
    told = [process.communicate()[0].split() for process in processes]
    took_s = max(float(end) for _, _, end in told) - min(float(begin) for _, begin, _ in told)
    for ref, _, _ in told:
        check(client, ref, each)
    return {
        "points_per_s": round(CLIENTS * each / took_s),
        "with_starts_per_s": round(CLIENTS * each / (time.perf_counter() - started)),
    }


def one_of_eight(url: str, token: str, points: str) -> None:
    """Log as one of several, and print the run, its begin and its end."""
    with connect(url, token=token) as client:
        client.call("tracking.list", limit=1)
        started = time.time()
        with sdk.run("bench", client=client, options=QUIET) as run:
            ten(run, int(points))
        print(run.ref, started, time.time())


def check(client: Client, ref: object, count: int) -> None:
    """Count what arrived: each point, once."""
    arrived = sum(found.count for found in client.call("tracking.metrics", ref=ref))
    assert arrived == count, f"{arrived} of {count} arrived"


def wire() -> dict[str, float]:
    """Weigh 50,000 points, and take the time to make what is sent of them."""
    points = metric_points(batches(BATCH, BATCH)[0])
    started = time.perf_counter()
    (segment,) = pack(columns_of(points), BATCH)
    packed = encode({"series": segment.series, "body": segment.body})
    packed_s, started = time.perf_counter() - started, time.perf_counter()
    columns = encode(points)
    return {
        "packed_bytes_per_point": round(len(packed) / BATCH, 1),
        "json_bytes_per_point": round(len(columns) / BATCH, 1),
        "packed_ms": round(packed_s * 1000, 1),
        "json_ms": round((time.perf_counter() - started) * 1000, 1),
    }


def _rate(figures: dict[str, float]) -> float:
    return figures["points_per_s"]


@contextmanager
def server(home: Path, settings: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """Yield the address, a token and the process of a server."""
    environ = os.environ | {"BUCLE_HOME": str(home)} | settings
    bucle = [sys.executable, "-m", "bucle"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([*bucle, "server", "--port", "0"], env=environ, stderr=log)
    try:
        while "listening at " not in (text := (home / "log").read_text()):
            assert process.poll() is None, text
            time.sleep(0.05)
        token = subprocess.run([*bucle, "access", "create-token"], env=environ, check=True,
                               capture_output=True, text=True).stdout.strip()  # fmt: skip
        yield text.split("listening at ")[1].split()[0], token, process.pid
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
