"""What a one-row request costs inside the model server, without a network.

    python benchmarks/serving_core.py [--requests 40000] [--profile]

A logistic pipeline over five numbers, one row of the open protocol's JSON per request, metrics
and prediction log on.  So many requests (1, 8, 32, 64) arrive in one step of the event loop, as
from so many connections; the processor time of the whole process, the thread that ships the log
included, is divided by the requests.  Beside it stand parts of it alone: the model called with
one row at a time, and msgspec reading the request and writing the answer.

The last figure is the same model of ten numbers, once sent by the caller, once read from the
online store (LMDB) by the caller's key while a canary has half of the traffic.
"""

import asyncio
import cProfile
import gc
import pstats
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import msgspec
import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.interfaces.predict.requests import Reply, Request
from bucle.lifecycle import data, features, registry, serving

NAMES = [f"x{number}" for number in range(5)]
TEN = [f"f{number}" for number in range(10)]
TOGETHER = (1, 8, 32, 64)
PATH = "/v2/models/churn/infer"
HEADERS = {b"host": b"127.0.0.1:8001", b"content-type": b"application/json"}


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    asked = parser.parse_args()
    count = 4_000 if asked.quick else asked.requests
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        home = Path(name) / "home"
        prepare(home)
        server = ModelServer(load_settings({"BUCLE_HOME": str(home)}))
        server.watcher.poll()
        forms = {"tensor per column": columns_body(), "one matrix": matrix_body()}
        found = {
            form: {n: cost_us(server, body, count, n) for n in TOGETHER}
            for form, body in forms.items()
        }
        plain_us, looked_up_us = look_up(Path(name) / "online", count)
        parts = alone(server, forms["tensor per column"], count)
        if asked.profile:
            profile(server, forms["tensor per column"])
        server.log.close()
    for form, costs in found.items():
        told = ", ".join(f"{cost:.1f} us at {n}" for n, cost in costs.items())
        print(f"{form:20} {told}", file=sys.stderr)
    print(", ".join(f"{part} {cost:.1f} us" for part, cost in parts.items()), file=sys.stderr)
    tell(Figure(
        benchmark="ten features online and a canary", ours=looked_up_us, beside=plain_us,
        against="the same numbers in the request, one variant", unit="us of CPU at 32",
    ))  # fmt: skip
    tell(Figure(
        benchmark="one row inside the model server", ours=found["tensor per column"][32],
        beside=sum(parts.values()), against="the model and msgspec alone, one row at a time",
        unit="us of CPU", details={"together": found, "parts": parts},
    ))  # fmt: skip


def prepare(home: Path) -> None:
    """Train, register and serve the pipeline."""
    rng = np.random.default_rng(7)
    numbers = rng.normal(size=(2000, len(NAMES)))
    target = numbers @ rng.normal(size=len(NAMES)) > 0
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    session = house.session()
    log_pipeline(session, "churn", pa.table(dict(zip(NAMES, numbers.T, strict=True))), target)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="churn", model="churn"))
        serving.serve_version(scope, "churn", Ref("model", "churn", 1))
    serving.publish(session)
    house.close()


def look_up(home: Path, count: int) -> tuple[float, float]:
    """Return the cost of a row of ten numbers as sent, and as read by key beside a canary."""
    rng = np.random.default_rng(7)
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    session = house.session()
    now = house.drivers.clock.now()
    values = dict(zip(TEN, rng.normal(size=(len(TEN), 1000)), strict=True))
    rows = pa.table({"customer": range(1000), "at": [now] * 1000} | values)
    view = features.FeatureView(
        name="spend", entity=features.Entity(name="customer", keys=("customer",)),
        source="spending", time="at", columns=tuple(TEN), owner="ann", description="Ten numbers.",
    )  # fmt: skip
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(name="spending"))
    data.commit_table(session, "spending", rows)
    with session.begin() as scope:
        features.register_view(scope, view)
    for _ in range(2):
        log_pipeline(session, "churn", rows.select(TEN), values[TEN[0]] > 0)
    with session.begin() as scope:
        spec = serving.DeploymentSpec(name="churn", model="churn", features=("spend",))
        serving.deploy(scope, spec)
        serving.serve_version(scope, "churn", Ref("model", "churn", 1))
    features.materialize(session, "spend")
    serving.publish(session)
    server = ModelServer(load_settings({"BUCLE_HOME": str(home)}))
    server.watcher.poll()
    plain_us = cost_us(server, columns_body(TEN), count, 32)
    with session.begin() as scope:
        serving.start_canary(scope, "churn", Ref("model", "churn", 2), weight=0.5)
    serving.publish(session)
    house.close()
    server.watcher.poll()
    tensor = {"name": "customer", "shape": [1], "datatype": "INT64", "data": [7]}
    looked_up_us = cost_us(server, msgspec.json.encode({"inputs": [tensor]}), count, 32)
    server.log.close()
    return plain_us, looked_up_us


def log_pipeline(session: Session, name: str, table: pa.Table, target: np.ndarray) -> None:
    """Register a logistic pipeline over a table's columns."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(np.column_stack([column.to_numpy() for column in table.columns]), target)
    table = table.append_column("y", pa.array(target.astype(int)))
    log = registry.ModelLog(example=table.slice(0, 50), target="y", task="classification")
    registry.log_model(session, model, name, log)


def columns_body(names: Sequence[str] = NAMES) -> bytes:
    """Return one row as one tensor per column."""
    tensors = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [0.25 * place - 0.4]}
        for place, name in enumerate(names)
    ]
    return msgspec.json.encode({"inputs": tensors})


def matrix_body() -> bytes:
    """Return the same row as one matrix."""
    values = [0.25 * place - 0.4 for place in range(len(NAMES))]
    tensor = {"name": "x", "shape": [1, len(values)], "datatype": "FP64", "data": values}
    return msgspec.json.encode({"inputs": [tensor]})


def cost_us(server: ModelServer, body: bytes, count: int, together: int) -> float:
    """Return the microseconds of CPU per request, the best of three rounds."""
    rounds = max(count // together, 1)
    asyncio.run(ask(server, body, max(rounds // 10, 20), together))
    spent: list[float] = []
    gc.collect()
    for _ in range(3):
        start = process_time()
        asyncio.run(ask(server, body, rounds, together))
        spent.append(process_time() - start)
    return min(spent) / (rounds * together) * 1e6


async def ask(server: ModelServer, body: bytes, rounds: int, together: int) -> None:
    """Ask, and wait for all answers before the next round."""
    loop = asyncio.get_running_loop()
    answer = server.door.answer
    left = 0
    ended: asyncio.Future[None]

    def done(reply: Reply) -> None:
        nonlocal left
        left -= 1
        if reply.status != 200:
            sys.exit(f"the server answered {reply.body!r}")
        if not left:
            ended.set_result(None)

    for number in range(rounds):
        left, ended = together, loop.create_future()
        for _ in range(together):
            answer(Request("POST", PATH, headers=HEADERS, body=body), done)
        await ended
        if not number % 1000:
            server.log.tick()


def alone(server: ModelServer, body: bytes, count: int) -> dict[str, float]:
    """Return what the model and msgspec take of a row by themselves."""
    engine = server.watcher.board.find("churn").loaded[0].engine
    matrix = np.array([[0.25 * place - 0.4] for place in range(len(NAMES))])
    said = {"model_name": "churn", "outputs": [
        {"name": "prediction", "shape": [1], "datatype": "INT64", "data": [1]},
        {"name": "probability", "shape": [1], "datatype": "FP64", "data": [0.53]}]}  # fmt: skip
    return {
        "model": each_us(lambda: engine.call_matrix(matrix), count),
        "msgspec": each_us(lambda: (msgspec.json.decode(body), msgspec.json.encode(said)), count),
    }


def each_us(act: Callable[[], object], count: int) -> float:
    """Return the microseconds of CPU per call."""
    start = process_time()
    for _ in range(count):
        act()
    return (process_time() - start) / count * 1e6


def profile(server: ModelServer, body: bytes) -> None:
    """Print where the time goes."""
    profiler = cProfile.Profile()
    profiler.enable()
    asyncio.run(ask(server, body, 300, 32))
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
