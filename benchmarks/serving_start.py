"""What a model server costs to start and to keep, beside FastAPI with the same scikit-learn model.

    python benchmarks/serving_start.py [--quick] [--peer-folder DIR]

The model is a logistic pipeline of 12 numbers; the peer unpickles it, as most tutorials show it.
Both are started as one process and asked for one row until the first answer comes.  CPU is the
process's user and system time until then; memory is what the kernel says of it (RSS counts
shared pages whole, PSS divides them among those who share), after the first answer and again
after --requests more, when the prediction log has handed over its first segments.  A data plane
is installed without pandas, which pyarrow imports wherever it finds it: `lean` hides it from our
server, as it is hidden where `pip install 'bucle[serve,onnx]'` was all.
"""

import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
from predict_one_row import NAMES, ROOT, cpu_s, free_port, install_peer
from report import Figure, arguments, tell
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import registry, serving

CPU_BAR_S, MEMORY_BAR_MB = 1.5, 90
PEER = """
import os, pickle
from fastapi import FastAPI
from pydantic import create_model

Row = create_model("Row", **{f"x{number}": (float, ...) for number in range(12)})
app = FastAPI()
with open(os.environ["PEER_MODEL"], "rb") as file:
    model = pickle.load(file)

@app.post("/predict")
async def answer(row: Row):
    return {"prediction": int(model.predict([[getattr(row, f"x{n}") for n in range(12)]])[0])}
"""
Found = dict[str, float]


def main() -> None:
    """Measure both servers and print what was found."""
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--peer-folder", type=Path, default=None)
    asked = parser.parse_args()
    asked.requests = 100 if asked.quick else asked.requests
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        folder = Path(name)
        peer_folder = asked.peer_folder or folder / "peer"
        install_peer(peer_folder)
        flavors = prepare(folder)
        lean = folder / "lean"
        lean.mkdir()
        (lean / "pandas.py").write_text("raise ImportError('pandas is not installed here')\n")
        servers: dict[str, tuple[str, Callable[[int], AbstractContextManager[int]]]] = {
            f"bucle, logistic ({flavors['logistic']}), lean": (
                "/predict/logistic", lambda port: bucle(folder / "logistic", port, lean)),
            f"bucle, forest ({flavors['forest']}), lean": (
                "/predict/forest", lambda port: bucle(folder / "forest", port, lean)),
            f"bucle, logistic ({flavors['logistic']})": (
                "/predict/logistic", lambda port: bucle(folder / "logistic", port, None)),
            "fastapi + scikit-learn, logistic": (
                "/predict", lambda port: peer(peer_folder, folder / "model.pkl", port)),
        }  # fmt: skip
        found = {}
        for label, (path, start) in servers.items():
            port = free_port()
            with start(port) as pid:
                found[label] = measured(pid, port, path, asked.requests)
            print(label, {key: round(value, 2) for key, value in found[label].items()},
                  file=sys.stderr)  # fmt: skip
    ours, *_, theirs = found.values()
    tell(Figure(
        benchmark="memory of a model server after its first answer", ours=ours["rss_mb"],
        beside=theirs["rss_mb"], against="FastAPI with scikit-learn", unit="MB resident",
        details={"servers": found, "bars": {"cpu_s": CPU_BAR_S, "memory_mb": MEMORY_BAR_MB}},
    ))  # fmt: skip


def prepare(folder: Path) -> dict[str, str]:
    """Serve a logistic pipeline and a forest, each from a home of its own."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(2000, len(NAMES)))
    target = (features @ rng.normal(size=len(NAMES)) > 0).astype(int)
    table = pa.table(dict(zip(NAMES, features.T, strict=True)) | {"y": target})
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(100, max_depth=8, random_state=7),
    }
    flavors = {}
    for name, model in models.items():
        model.fit(features, target)
        house = House(load_settings({"BUCLE_HOME": str(folder / name)}))
        session = house.session()
        log = registry.ModelLog(example=table.slice(0, 50), target="y", evaluation=table)
        flavors[name] = registry.log_model(session, model, name, log).flavor
        with session.begin() as scope:
            serving.deploy(scope, serving.DeploymentSpec(name=name, model=name))
            serving.serve_version(scope, name, Ref("model", name, 1))
        serving.publish(session)
        house.close()
    (folder / "model.pkl").write_bytes(pickle.dumps(models["logistic"]))
    return flavors


@contextmanager
def bucle(home: Path, port: int, lean: Path | None) -> Iterator[int]:
    """Run our model server; `lean` is a folder that hides what it is not installed with."""
    environ = os.environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)}
    if lean is not None:
        environ["PYTHONPATH"] = str(lean)
    yield from started([sys.executable, "-m", "bucle.interfaces.predict"], environ)


@contextmanager
def peer(folder: Path, model: Path, port: int) -> Iterator[int]:
    """Run the FastAPI application."""
    (folder / "start_app.py").write_text(PEER)
    path = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {"PYTHONPATH": path, "PEER_MODEL": str(model)}
    command = [sys.executable, "-m", "uvicorn", "start_app:app", "--port", str(port),
               "--no-access-log", "--log-level", "error"]  # fmt: skip
    yield from started(command, environ)


def started(command: list[str], environ: dict[str, str]) -> Iterator[int]:
    """Start a program and give its process id; stop it afterwards."""
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def measured(pid: int, port: int, path: str, requests: int) -> Found:
    """Return CPU until the first answer, and memory then and after more requests."""
    start = time.monotonic()
    while not answered(port, path):
        if time.monotonic() - start > 120:
            sys.exit(f"no answer from {path}")
        time.sleep(0.01)
    found = {"cpu_s": cpu_s(pid), "wall_s": time.monotonic() - start} | memory(pid, "")
    for _ in range(requests):
        answered(port, path)
    time.sleep(2)
    return found | memory(pid, "later_")


def answered(port: int, path: str) -> bool:
    """Ask for one row; tell whether an answer came."""
    body = json.dumps(dict.fromkeys(NAMES, 0.5)).encode()
    request = Request(f"http://127.0.0.1:{port}{path}", body, {"content-type": "application/json"})
    try:
        with urlopen(request, timeout=60) as answer:
            return bool(answer.read())
    except (URLError, ConnectionError):
        return False


def memory(pid: int, prefix: str) -> Found:
    """Return the resident and the proportional megabytes of a process (Linux)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, re.MULTILINE))
    return {f"{prefix}{name.lower()}_mb": int(size) / 1024 for name, size in sizes.items()}


if __name__ == "__main__":
    main()
