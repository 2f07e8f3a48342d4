"""MLServer, BentoML and FastAPI with the same models, each in an environment of its own.

The environments are made in a cache folder from locked versions (`serving_peers/*.txt`), with
`uv`.  Each serves with one worker and without access log.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.serving import free_port, pinned

LOCKS = Path(__file__).parent / "serving_peers"
PEERS = ("mlserver", "bentoml", "fastapi")
_TRAIN = """
import sys, joblib, numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
given = np.load(sys.argv[1])
rows, target = given["rows"], given["target"]
joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target),
            sys.argv[2] + "/churn.joblib")
joblib.dump(RandomForestClassifier(100, max_depth=8, random_state=7, n_jobs=1).fit(rows, target),
            sys.argv[2] + "/forest.joblib")
"""
_FASTAPI = """
import joblib, numpy as np
from fastapi import FastAPI
from pydantic import BaseModel
class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]
class Asked(BaseModel):
    inputs: list[Tensor]
app = FastAPI()
models = {name: joblib.load(f"FOLDER/{name}.joblib") for name in ("churn", "forest")}
@app.post("/v2/models/{name}/infer")
async def infer(name: str, asked: Asked):
    rows = np.column_stack([tensor.data for tensor in asked.inputs])
    said = models[name].predict(rows)
    return {"model_name": name, "outputs": [{"name": "prediction", "shape": [len(said)],
            "datatype": "INT64", "data": said.tolist()}]}
"""
_BENTOML = """
import bentoml, joblib, numpy as np
@bentoml.service(workers=1)
class Models:
    def __init__(self):
        self.models = {name: joblib.load(f"FOLDER/{name}.joblib") for name in ("churn", "forest")}
    @bentoml.api
    def churn(self, rows: list[list[float]]) -> list[int]:
        return self.models["churn"].predict(np.array(rows)).tolist()
    @bentoml.api
    def forest(self, rows: list[list[float]]) -> list[int]:
        return self.models["forest"].predict(np.array(rows)).tolist()
"""


def install(name: str, cache: Path) -> Path:
    """Return the Python of a peer's environment; it is made if it is not there."""
    python = cache / name / "bin" / "python"
    mark = cache / name / "installed"
    lock = LOCKS / f"{name}.txt"
    if mark.exists() and mark.read_text() == lock.read_text():
        return python
    if (uv := shutil.which("uv")) is None:
        sys.exit("the peers' environments are made with uv: pip install uv")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = str(cache / name)
    subprocess.run([uv, "venv", "-q", "--clear", "--python", version, folder], check=True)
    command = [uv, "pip", "install", "-q", "--python", str(python), "-r", str(lock)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    mark.write_text(lock.read_text())
    return python


def train(python: Path, folder: Path) -> None:
    """Train the models of a peer, with its own scikit-learn, on the rows in `rows.npz`."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    command = [str(python), "-c", _TRAIN, str(folder / "rows.npz"), str(models)]
    subprocess.run(command, check=True)


@contextmanager
def peer(name: str, python: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Run a peer; yield its process and port."""
    port = free_port()
    work = folder / name
    work.mkdir(exist_ok=True)
    models = str(folder / "models")
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    if name == "mlserver":
        command = [str(python.parent / "mlserver"), "start", str(_mlserver(work, models, port))]
        ready = "/v2/models/forest/ready"
    elif name == "bentoml":
        (work / "service.py").write_text(_BENTOML.replace("FOLDER", models))
        command = [str(python.parent / "bentoml"), "serve", "service:Models", "--port", str(port),
                   "--working-dir", str(work)]  # fmt: skip
        ready = "/livez"
    else:
        (work / "peer_app.py").write_text(_FASTAPI.replace("FOLDER", models))
        command = [str(python), "-m", "uvicorn", "peer_app:app", "--port", str(port),
                   "--no-access-log", "--log-level", "error", "--app-dir", str(work)]  # fmt: skip
        ready = "/docs"
    with pinned(command, port, ready=ready, PATH=path, BENTOML_DO_NOT_TRACK="True") as process:
        yield process.pid, port


def _mlserver(work: Path, models: str, port: int) -> Path:
    settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(),
                "parallel_workers": 0, "debug": False}  # fmt: skip
    (work / "settings.json").write_text(json.dumps(settings))
    for name in ("churn", "forest"):
        (work / name).mkdir(exist_ok=True)
        said = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": f"{models}/{name}.joblib"}}  # fmt: skip
        (work / name / "model-settings.json").write_text(json.dumps(said))
    return work
