"""One-row predictions over HTTP per second of the server's processor time, beside FastAPI.

    python benchmarks/predict_one_row.py [--seconds 5] [--connections 32] [--peer-folder DIR]

Three servers, one process each, asked one after the other by the same load generator (asyncio
sockets in this process), with the same forest of 100 trees on 12 numbers:

- Bucle's model server: checks the row against the signature, splits traffic, gives the
  prediction an id, writes it to the log before it answers, and counts it;
- FastAPI with the same ONNX graph in the same runtime, which does none of that;
- FastAPI with the scikit-learn model itself, as most tutorials show it.

FastAPI is installed into --peer-folder (default: beside the temporary files).  Processor
seconds are user and system time of the server process; answers are compared across servers first.
"""

import argparse
import asyncio
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell
from sklearn.ensemble import RandomForestRegressor

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import registry, serving

ROOT = Path(__file__).resolve().parents[1]
NAMES = [f"x{number}" for number in range(12)]
PEER = """
import os, pickle, numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, create_model

Row = create_model("Row", **{f"x{number}": (float, ...) for number in range(12)})
app = FastAPI()
if os.environ["PEER_MODEL"].endswith(".onnx"):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ["PEER_MODEL"], options)
    kind = np.float64 if "double" in session.get_inputs()[0].type else np.float32
    def predict(row):
        matrix = np.array([[getattr(row, f"x{number}") for number in range(12)]], kind)
        return float(session.run(None, {session.get_inputs()[0].name: matrix})[0][0][0])
else:
    with open(os.environ["PEER_MODEL"], "rb") as file:
        model = pickle.load(file)
    def predict(row):
        return float(model.predict([[getattr(row, f"x{number}") for number in range(12)]])[0])

@app.post("/predict")
async def answer(row: Row):
    return {"prediction": predict(row)}
"""


def main() -> None:
    """Measure the three servers and print what was found."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--peer-folder", type=Path, default=None)
    asked = parser.parse_args()
    asked.seconds = 1.0 if asked.quick else asked.seconds
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        folder = Path(name)
        peer_folder = asked.peer_folder or folder / "peer"
        install_peer(peer_folder)
        files = prepare(folder)
        row = dict(zip(NAMES, np.linspace(-1, 1, len(NAMES)).tolist(), strict=True))
        found: dict[str, dict[str, float]] = {}
        for label, path, server in (
            ("bucle", "/predict/forest", lambda port: bucle(folder / "home", port)),
            ("fastapi + onnx", "/predict", lambda port: peer(peer_folder, files["onnx"], port)),
            ("fastapi + sklearn", "/predict", lambda port: peer(peer_folder, files["sk"], port)),
        ):
            with server(free_port()) as (process, port):
                value = first_answer(port, path, row)
                figures = measure(process.pid, port, path, row, asked)
            found[label] = figures | {"answer": value}
            print(
                f"{label:18} {figures['per_cpu_second']:9,.0f} predictions per CPU second, "
                f"{figures['cpu_us']:7,.0f} us each, p99 {figures['p99_ms']:.1f} ms",
                file=sys.stderr,
            )
    answers = {round(one["answer"], 4) for one in found.values()}
    if len(answers) != 1:
        sys.exit(f"the servers do not agree: {answers}")
    tell(Figure(
        benchmark="one-row predictions", ours=found["bucle"]["per_cpu_second"],
        beside=found["fastapi + onnx"]["per_cpu_second"], against="FastAPI on the same ONNX graph",
        unit="per CPU second of the server",
        details={"connections": asked.connections, "servers": found},
    ))  # fmt: skip


def install_peer(folder: Path) -> None:
    """Install FastAPI where our own environment does not see it."""
    if (folder / "fastapi").is_dir():
        return
    uv = shutil.which("uv")
    program = [uv, "pip", "install", "--python", sys.executable] if uv else [
        sys.executable, "-m", "pip", "install"]  # fmt: skip
    command = [*program, "--quiet", "--target", str(folder), "fastapi"]
    subprocess.run(command, check=True, stdout=sys.stderr)


def prepare(folder: Path) -> dict[str, Path]:
    """Train the forest, register and serve it, and write it down for the peers."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(2000, len(NAMES)))
    target = features @ rng.normal(size=len(NAMES)) + np.sin(features[:, 0] * 3)
    forest = RandomForestRegressor(100, max_depth=8, random_state=7).fit(features, target)
    table = pa.table(dict(zip(NAMES, features.T, strict=True)) | {"y": target})
    house = House(load_settings({"BUCLE_HOME": str(folder / "home")}))
    session = house.session()
    log = registry.ModelLog(example=table.slice(0, 50), target="y", task="regression")
    version = registry.log_model(session, forest, "forest", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="forest", model="forest"))
        serving.serve_version(scope, "forest", Ref("model", "forest", 1))
    serving.publish(session)
    if version.flavor != "onnx":
        sys.exit(f"the forest was packed as {version.flavor}: install the onnx extra")
    manifest = registry.read_manifest(house.drivers.blobs, version.manifest)
    cache = folder / "cache"
    weights = registry.file_path(house.drivers.blobs, manifest, manifest.weights, cache)
    graph = folder / "forest.onnx"
    shutil.copy(weights, graph)
    forest.set_params(n_jobs=1)
    (folder / "forest.pkl").write_bytes(pickle.dumps(forest))
    house.close()
    return {"onnx": graph, "sk": folder / "forest.pkl"}


@contextmanager
def bucle(home: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run our model server."""
    environ = os.environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)}
    command = [sys.executable, "-m", "bucle.interfaces.predict"]
    yield from running(command, environ, port)


@contextmanager
def peer(folder: Path, model: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the FastAPI application under the same uvicorn."""
    (folder / "peer_app.py").write_text(PEER)
    path = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {"PYTHONPATH": path, "PEER_MODEL": str(model)}
    command = [sys.executable, "-m", "uvicorn", "peer_app:app", "--port", str(port),
               "--no-access-log", "--log-level", "error"]  # fmt: skip
    yield from running(command, environ, port)


def running(
    command: list[str], environ: dict[str, str], port: int
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a program, wait until it listens, stop it afterwards."""
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=20)


def first_answer(port: int, path: str, row: dict[str, float]) -> float:
    """Return what the server predicts, to be compared."""
    body = json.dumps(row).encode()
    headers = {"content-type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urlopen(request, timeout=60) as answer:
        said: dict[str, Any] = json.load(answer)
    return float(said["outputs"]["prediction"][0] if "outputs" in said else said["prediction"])


def measure(
    pid: int, port: int, path: str, row: dict[str, float], asked: argparse.Namespace
) -> dict[str, float]:
    """Load a server for a while, after one second to warm up."""
    body = json.dumps(row).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    asyncio.run(load(port, request, asked.connections, 1.0))
    before, start = cpu_s(pid), time.monotonic()
    latencies = asyncio.run(load(port, request, asked.connections, asked.seconds))
    spent, wall = cpu_s(pid) - before, time.monotonic() - start
    ordered = sorted(latencies)
    return {
        "requests": len(ordered),
        "per_cpu_second": len(ordered) / spent,
        "per_wall_second": len(ordered) / wall,
        "cpu_us": spent / len(ordered) * 1e6,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
    }


async def load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    """Ask on every connection, one request after the other; return each one's seconds."""
    end = time.monotonic() + seconds
    latencies: list[float] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.monotonic()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                sys.exit(f"the server answered {head[:100]!r}")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            latencies.append(time.monotonic() - start)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    return latencies


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Return the user and system seconds of a process, by its threads' sum."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
