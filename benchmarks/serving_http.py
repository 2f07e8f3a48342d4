"""The model server over HTTP on one core, beside MLServer, BentoML, FastAPI and a bare handler.

    python benchmarks/serving_http.py [--quick] [--only CASE ...] [--cache DIR] [--no-peers]

Each server has one core and wrk the other; metrics and the prediction log are on.  The peers
serve the same models, trained on the same rows, in environments of their own, which are made
in a cache folder from locked versions.  A figure is in answers a second of the server's
processor time, which a busy machine changes less than answers a second; both are in the
details, with latencies, failures and memory.  The answers are compared before anything is timed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from report import Figure, arguments, tell
from support.serving import Ask, Load, free_port, load, once, pinned
from support.serving_home import (
    ROW,
    WIDE,
    binary_body,
    columns_body,
    key_body,
    prepare,
    training_rows,
)
from support.serving_peers import PEERS, install, peer, train

FRONT = Path(__file__).with_name("serving_front.py")
MATRIX = json.dumps(
    {"inputs": [{"name": "predict", "shape": [1, len(ROW)], "datatype": "FP64", "data": ROW}]}
).encode()
_BINARY, _HEAD = binary_body(100)
ASKS = {
    "churn": Ask(path="/v2/models/churn/infer", body=columns_body()),
    "churn-plain": Ask(path="/v2/models/churn-plain/infer", body=columns_body()),
    "forest": Ask(path="/v2/models/forest/infer", body=columns_body()),
    "forest-plain": Ask(path="/v2/models/forest-plain/infer", body=columns_body()),
    "hundred": Ask(path="/v2/models/churn/infer", body=columns_body(100)),
    "hundred-binary": Ask(
        path="/v2/models/churn/infer",
        body=_BINARY,
        content_type="application/octet-stream",
        headers={"Inference-Header-Content-Length": str(_HEAD)},
    ),
    "wide": Ask(path="/v2/models/wide/infer", body=columns_body(1, WIDE)),
    "online": Ask(path="/v2/models/online/infer", body=key_body()),
}
CASES = {"churn": (64, 1), "churn-plain": (64,), "forest": (64,), "forest-plain": (64,),
         "hundred": (16,), "hundred-binary": (16,), "online": (64,)}  # fmt: skip


def main() -> None:
    """Measure each case."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "bucle-serving-peers"
    )
    parser.add_argument("--no-peers", action="store_true")
    asked = parser.parse_args()
    seconds = 4.0 if asked.quick else 15.0
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        folder = Path(name)
        prepare(folder / "home")
        rows, target = training_rows()
        np.savez(folder / "rows.npz", rows=rows, target=target)
        ours = {case: measured(folder / "home", case, seconds) for case in asked.only}
        if "online" in asked.only:
            ours["wide"] = measured(folder / "home", "wide", seconds)
        beside = {} if asked.no_peers else all_peers(asked, folder, seconds)
    bare = bare_handler(seconds)
    for case, loads in ours.items():
        if case != "wide":
            for connections, found in loads.items():
                say(case, connections, found, (ours, beside, bare))


def measured(home: Path, case: str, seconds: float) -> dict[int, Load]:
    """Run our server under the load of one case."""
    ask = ASKS[case]
    with our_server(home) as (pid, port):
        once(port, ask)
        return {
            connections: load(pid, port, ask, connections=connections, seconds=seconds)
            for connections in CASES.get(case, (64,))
        }


@contextmanager
def our_server(home: Path) -> Iterator[tuple[int, int]]:
    """Run the model server."""
    port = free_port()
    command = [sys.executable, "-m", "bucle.interfaces.predict"]
    environ = {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)}
    with pinned(command, port, ready="/v2/health/ready", **environ) as process:
        yield process.pid, port


def peer_ask(name: str, case: str) -> Ask:
    """Return a case as a peer is asked it."""
    model = case.partition("-")[0]
    rows = 100 if model == "hundred" else 1
    model = "churn" if model == "hundred" else model
    if name == "bentoml":
        return Ask(path=f"/{model}", body=json.dumps({"rows": [ROW] * rows}).encode())
    if name == "mlserver":
        tensor = {"name": "predict", "shape": [rows, len(ROW)], "datatype": "FP64",
                  "data": ROW * rows}  # fmt: skip
        body = json.dumps({"inputs": [tensor]}).encode()
        return Ask(path=f"/v2/models/{model}/infer", body=body)
    return Ask(path=f"/v2/models/{model}/infer", body=columns_body(rows))


def all_peers(
    asked: argparse.Namespace, folder: Path, seconds: float
) -> dict[str, dict[str, dict[int, Load]]]:
    """Run each peer under the load of the cases that it has."""
    found: dict[str, dict[str, dict[int, Load]]] = {}
    cases = [case for case in asked.only if case in {"churn", "forest", "hundred"}]
    for name in PEERS:
        python = install(name, asked.cache)
        train(python, folder)
        with peer(name, python, folder) as (pid, port):
            found[name] = {}
            for case in cases:
                ask = peer_ask(name, case)
                check(name, once(port, ask))
                found[name][case] = {
                    connections: load(pid, port, ask, connections=connections, seconds=seconds)
                    for connections in CASES[case]
                }
    return found


def check(name: str, answer: bytes) -> None:
    """Stop if a server does not say what the logistic pipeline and the forest say of the row."""
    said = json.loads(answer)
    data: Sequence[float] = said["outputs"][0]["data"] if isinstance(said, dict) else said
    if {int(one) for one in data} not in ({0}, {1}):
        sys.exit(f"{name} says {answer[:200]!r}")


def bare_handler(seconds: float) -> dict[int, Load]:
    """Run the least that speaks HTTP."""
    found = {}
    for connections in (64, 16, 1):
        port = free_port()
        command = [sys.executable, str(FRONT), "--serve", "bare", "--port", str(port)]
        with pinned(command, port) as process:
            found[connections] = load(
                process.pid, port, ASKS["churn"], connections=connections, seconds=seconds
            )
    return found


def say(case: str, connections: int, found: Load, others: tuple) -> None:  # type: ignore[type-arg]
    """Print a case beside what stands beside it."""
    ours, peers, bare = others
    model = case.partition("-")[0]
    beside = {name: cases[model][connections] for name, cases in peers.items() if model in cases}
    beside["bare handler"] = bare[connections]
    if case == "online":
        beside["the same model without features and canary"] = ours["wide"][64]
    against = next(
        (
            name
            for name in ("the same model without features and canary", "fastapi")
            if name in beside
        ),
        "bare handler",
    )
    tell(Figure(
        benchmark=f"{case}, {connections} connections", ours=found.per_cpu_s,
        beside=beside[against].per_cpu_s, against=against, unit="answers per CPU second",
        details={"bucle": found.as_dict(), **{name: one.as_dict() for name, one in beside.items()}},
    ))  # fmt: skip


if __name__ == "__main__":
    main()
