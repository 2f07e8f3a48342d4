"""Are predictions over HTTP the framework's own?  Ten thousand rows of every kind of model.

    python benchmarks/equal_predictions.py [--quick] [--rows 10000]

Every kind is fitted, registered and served from one home by one model server; the rows go to it
as JSON, a thousand at a time, and the answers are compared with what the fitted object says of
the same rows: classes exactly, numbers and probabilities within 0.00001.  The flavor tells what
answered: `linear` and `onnx` were compiled and proven equal, `skops` is the model itself.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pyarrow as pa
from predict_one_row import ROOT, free_port
from report import Figure, arguments, tell
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import registry, serving

NUMBERS = [f"x{place}" for place in range(6)]
TOLERANCE = 1e-5
AT_ONCE = 1000
Fitting = Callable[[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray], Any]


def main() -> None:
    """Serve every kind, ask, compare, and print what was found."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    asked = parser.parse_args()
    rows = 1000 if asked.quick else asked.rows
    models = fitted()
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        flavors = serve(Path(name), models)
        frame = drawn(rows, 99)
        port = free_port()
        with server(Path(name), port):
            found = {kind: compared(port, kind, model, frame) for kind, model in models.items()}
    for kind, problem in found.items():
        print(f"{kind:26} {flavors[kind]:9} {problem or 'equal'}", file=sys.stderr)
    equal = sum(not problem for problem in found.values())
    tell(Figure(
        benchmark=f"kinds of model whose {rows} predictions over HTTP are the framework's own",
        ours=equal, beside=len(found), against="kinds in all", unit="kinds",
        details={"flavors": flavors, "unequal": {k: p for k, p in found.items() if p}},
    ))  # fmt: skip
    if equal < len(found):
        sys.exit(1)


def drawn(rows: int, seed: int) -> pd.DataFrame:
    """Return six numbers and a city."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=rows) for name in NUMBERS})
    return frame.assign(city=rng.choice(np.array(["lima", "oslo", "quito"], object), rows))


def kinds() -> dict[str, Fitting]:
    """Return how each kind is fitted, from a frame and targets of two, three and many values."""
    pick = lambda: make_column_transformer(  # noqa: E731 - as short as the rows below
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    plain: dict[str, tuple[Any, int]] = {
        "logistic": (make_pipeline(StandardScaler(), linear_model.LogisticRegression()), 2),
        "logistic of three": (linear_model.LogisticRegression(), 3),
        "ridge": (make_pipeline(StandardScaler(), linear_model.Ridge()), 0),
        "random forest": (ensemble.RandomForestClassifier(50, random_state=0), 2),
        "random forest of numbers": (ensemble.RandomForestRegressor(50, random_state=0), 0),
        "extra trees": (ensemble.ExtraTreesClassifier(50, random_state=0), 3),
        "gradient boosting": (ensemble.GradientBoostingClassifier(n_estimators=30), 2),
        "histogram boosting": (ensemble.HistGradientBoostingClassifier(max_iter=20), 2),
        "svc": (svm.SVC(), 2),
        "svr": (svm.SVR(), 0),
        "neighbours": (neighbors.KNeighborsClassifier(), 2),
        "naive bayes": (naive_bayes.GaussianNB(), 3),
        "network": (neural_network.MLPClassifier((8,), max_iter=60, random_state=0), 2),
        "tree": (tree.DecisionTreeClassifier(random_state=0), 3),
        **boosters(),
    }
    encoded = {
        "columns, logistic": (linear_model.LogisticRegression(), 3),
        "columns, random forest": (ensemble.RandomForestClassifier(50, random_state=0), 2),
    }

    def fit(model: Any, classes: int, names: list[str]) -> Fitting:  # noqa: ANN401 - an estimator
        return lambda frame, two, three, many: model.fit(
            frame[names], {2: two, 3: three, 0: many}[classes]
        )

    found = {name: fit(model, classes, NUMBERS) for name, (model, classes) in plain.items()}
    for name, (model, classes) in encoded.items():
        found[name] = fit(make_pipeline(pick(), model), classes, [*NUMBERS, "city"])
    return found


def boosters() -> dict[str, tuple[Any, int]]:
    """Return the boosters that are installed."""
    found: dict[str, tuple[Any, int]] = {}
    try:
        import xgboost

        found["xgboost"] = (xgboost.XGBClassifier(n_estimators=20, n_jobs=1), 3)
    except ImportError:
        print("xgboost is not installed", file=sys.stderr)
    try:
        import lightgbm

        found["lightgbm"] = (lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1), 2)
    except ImportError:
        print("lightgbm is not installed", file=sys.stderr)
    return found


def fitted() -> dict[str, Any]:
    """Fit every kind on the same rows."""
    frame = drawn(1000, 1)
    score = 2 * frame["x0"] - frame["x1"] + np.sin(3 * frame["x2"]) + (frame["city"] == "oslo")
    many = (score + np.random.default_rng(2).normal(0, 0.3, len(frame))).to_numpy()
    two, three = np.where(many > 0, "yes", "no"), np.digitize(many, [-1, 1])
    return {kind: fit(frame, two, three, many) for kind, fit in kinds().items()}


def serve(home: Path, models: dict[str, Any]) -> dict[str, str]:
    """Register and deploy every model; return what each is kept as."""
    house = House(load_settings({"BUCLE_HOME": str(home), "BUCLE_VERIFY": "off"}))
    session = house.session()
    table = pa.Table.from_pandas(drawn(1000, 1), preserve_index=False)
    flavors = {}
    for kind, model in models.items():
        log = registry.ModelLog(example=table.slice(0, 50), reference=None)
        flavors[kind] = registry.log_model(session, model, deployed(kind), log).flavor
        with session.begin() as scope:
            spec = serving.DeploymentSpec(name=deployed(kind), model=deployed(kind))
            serving.deploy(scope, spec)
            serving.serve_version(scope, deployed(kind), Ref("model", deployed(kind), 1))
    serving.publish(session)
    house.close()
    return flavors


def deployed(kind: str) -> str:
    """Return a kind as a name of a deployment."""
    return kind.replace(",", "").replace(" ", "-")


@contextmanager
def server(home: Path, port: int) -> Iterator[None]:
    """Run our model server until it serves."""
    environ = os.environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)}
    command = [sys.executable, "-m", "bucle.interfaces.predict"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5):
                    break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def compared(port: int, kind: str, model: Any, frame: pd.DataFrame) -> str:  # noqa: ANN401 - an estimator
    """Return how the server's answers differ from the model's, "" if they do not."""
    names = [str(name) for name in model.feature_names_in_]
    said: dict[str, list[Any]] = {}
    for start in range(0, len(frame), AT_ONCE):
        rows = frame[names].iloc[start : start + AT_ONCE].to_dict("records")
        for name, values in ask(port, kind, rows).items():
            said.setdefault(name, []).extend(values)
    own = np.asarray(model.predict(frame[names]))
    found = np.asarray(said["prediction"])
    if own.dtype.kind == "f":
        gap = np.abs(found - own) / np.maximum(np.abs(own), 1)
        return "" if (gap <= TOLERANCE).all() else f"numbers differ by up to {gap.max():.2g}"
    if wrong := int((found != own).sum()):
        return f"{wrong} of {len(own)} classes differ"
    if "probability" not in said:
        return ""
    shares = model.predict_proba(frame[names])
    shares = shares[:, 1] if shares.shape[1] == 2 else shares
    gap = np.abs(np.asarray(said["probability"]) - shares)
    return "" if (gap <= TOLERANCE).all() else f"probabilities differ by up to {gap.max():.2g}"


def ask(port: int, kind: str, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return what the server says of rows."""
    body = json.dumps({"rows": rows}).encode()
    address = f"http://127.0.0.1:{port}/predict/{deployed(kind)}"
    request = Request(address, body, {"content-type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        found: dict[str, list[Any]] = json.load(answer)["outputs"]
    return found


if __name__ == "__main__":
    main()
