"""A home with the models that the serving benchmarks ask, and the rows that they send."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House, Session
from bucle.lifecycle import data, features, registry, serving
from bucle.lifecycle.registry import compiled

NAMES = [f"x{number}" for number in range(5)]
WIDE = [f"f{number}" for number in range(10)]
ROW = [0.25 * place - 0.4 for place in range(len(NAMES))]
_CUSTOMERS = 1000
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def training_rows(count: int = 2000) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return what the models are trained on, here and in the peers' environments."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(count, len(NAMES)))
    return rows, (rows @ rng.normal(size=len(NAMES)) > 0).astype(int)


def prepare(home: Path, *, only: tuple[str, ...] = ()) -> None:
    """Train, register and serve; `only` some of them, or all."""
    rows, target = training_rows()
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target)
    forest = RandomForestClassifier(100, max_depth=8, random_state=7, n_jobs=1).fit(rows, target)
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    session = house.session()
    for name, model, plain in (
        ("churn", logistic, False),
        ("churn-plain", logistic, True),
        ("forest", forest, False),
        ("forest-plain", forest, True),
    ):
        if not only or name in only:
            table = pa.table(dict(zip(NAMES, rows.T, strict=True)) | {"y": target})
            _serve(session, name, _registered(session, name, model, table, plain=plain))
    if not only or "online" in only:
        _prepare_online(session, house)
    serving.publish(session)
    house.close()


def swap(home: Path, name: str) -> Iterator[str]:
    """Serve the versions of a model in turn; yield each as it is published."""
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    session = house.session()
    version = 1
    try:
        while True:
            version = 3 - version
            with session.begin() as scope:
                serving.serve_version(scope, name, Ref("model", name, version))
            serving.publish(session)
            yield f"model:{name}@{version}"
    finally:
        house.close()


def second_version(home: Path, name: str) -> None:
    """Register another version of a model."""
    rows, target = training_rows()
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(rows, target)
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    table = pa.table(dict(zip(NAMES, rows.T, strict=True)) | {"y": target})
    _registered(house.session(), name, logistic, table, plain=False)
    house.close()


def _registered(
    session: Session,
    name: str,
    model: Any,  # noqa: ANN401 - any estimator
    table: pa.Table,
    *,
    plain: bool,
) -> str:
    log = registry.ModelLog(example=table.slice(0, 50), target="y", task="classification")
    candidates = compiled._candidates  # noqa: SLF001 - for this measurement only
    if plain:  # what is served where no engine is equal: scikit-learn itself
        compiled._candidates = lambda *_: iter(())  # noqa: SLF001
    try:
        return registry.log_model(session, model, name, log).flavor
    finally:
        compiled._candidates = candidates  # noqa: SLF001


def _serve(session: Session, name: str, flavor: str) -> None:
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name=name, model=name))
        serving.serve_version(scope, name, Ref("model", name, 1))
    print(f"{name} is served as {flavor}")


def _prepare_online(session: Session, house: House) -> None:
    """Serve a model whose ten features are read online, with a canary on a tenth of requests."""
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(_CUSTOMERS, len(WIDE)))
    target = (rows @ rng.normal(size=len(WIDE)) > 0).astype(int)
    table = pa.table(dict(zip(WIDE, rows.T, strict=True)) | {"y": target})
    for strength in (1.0, 0.5):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=strength)).fit(rows, target)
        _registered(session, "wide", pipeline, table, plain=False)
    at = [_SINCE + timedelta(seconds=number) for number in range(_CUSTOMERS)]
    keyed = {"customer": list(range(_CUSTOMERS)), "at": at}
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(name="profiles"))
    data.commit_table(session, "profiles", pa.table(keyed | dict(zip(WIDE, rows.T, strict=True))))
    view = features.FeatureView(
        name="profile",
        entity=features.Entity(name="customer", keys=("customer",)),
        source="profiles",
        time="at",
        columns=tuple(WIDE),
        owner="ann",
        description="Ten numbers about a customer.",
    )
    with session.begin() as scope:
        features.register_view(scope, view)
    features.materialize(session, "profile")
    house.drivers.online.close()
    house.drivers.__dict__.pop("online")
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="wide", model="wide"))
        serving.serve_version(scope, "wide", Ref("model", "wide", 1))
        spec = serving.DeploymentSpec(name="online", model="wide", features=("profile",))
        serving.deploy(scope, spec)
        serving.serve_version(scope, "online", Ref("model", "wide", 1))
        serving.start_canary(scope, "online", Ref("model", "wide", 2), weight=0.1)


def columns_body(rows: int = 1, names: list[str] = NAMES) -> bytes:
    """Return rows as one tensor per column, in JSON."""
    tensors = [
        {"name": name, "shape": [rows], "datatype": "FP64", "data": [0.25 * place - 0.4] * rows}
        for place, name in enumerate(names)
    ]
    return msgspec.json.encode({"inputs": tensors})


def key_body() -> bytes:
    """Return the key of a customer, whose features the server reads."""
    tensor = {"name": "customer", "shape": [1], "datatype": "INT64", "data": [7]}
    return msgspec.json.encode({"inputs": [tensor]})


def binary_body(rows: int) -> tuple[bytes, int]:
    """Return rows in the binary extension, and the length of its head."""
    tensors = [
        {"name": name, "shape": [rows], "datatype": "FP64",
         "parameters": {"binary_data_size": rows * 8}}
        for name in NAMES
    ]  # fmt: skip
    head = msgspec.json.encode({"inputs": tensors, "parameters": {"binary_data_output": True}})
    columns = [np.full(rows, value).astype("<f8").tobytes() for value in ROW]
    return head + b"".join(columns), len(head)
