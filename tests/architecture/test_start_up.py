"""What makes a start slow is what is imported: heavy libraries wait until they are used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

HEAVY = frozenset({"alembic", "croniter", "cryptography", "duckdb", "httpx", "jinja2", "litestar",
                   "lmdb", "nats", "numpy", "obstore", "onnxruntime", "optuna", "pandas", "psycopg",
                   "pyarrow", "redis", "ruamel", "skl2onnx", "sklearn", "skops", "sqlalchemy",
                   "uvicorn"})  # fmt: skip
_SERVES = {"litestar", "sqlalchemy", "uvicorn"}
_SHOW = "import sys; print(*sys.modules, file=sys.stderr)"
_RUN = (
    "import sys; from bucle.interfaces.cli.main import main\ntry: main()\nexcept SystemExit: pass"
)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [("import bucle", ()), (_RUN, ("--help",)), (_RUN, ("--version",))],
    ids=["import bucle", "bucle --help", "bucle --version"],
)
def test_no_heavy_library_is_imported(code: str, arguments: tuple[str, ...]) -> None:
    asked = subprocess.run([sys.executable, "-c", f"{code}\n{_SHOW}", *arguments], cwd=ROOT,
                           check=True, capture_output=True, text=True)  # fmt: skip
    imported = set(asked.stderr.split())
    assert "bucle" in imported
    assert HEAVY & imported == set()


@pytest.mark.parametrize("verb", ["data list", "tracking list", "audit verify"])
def test_a_verb_that_reads_the_metadata_imports_what_reads_the_metadata(
    verb: str, tmp_path: Path
) -> None:
    environ = os.environ | {"BUCLE_HOME": str(tmp_path)}
    for _ in range(2):  # the first run makes the database, with Alembic
        asked = subprocess.run([sys.executable, "-c", f"{_RUN}\n{_SHOW}", *verb.split()], cwd=ROOT,
                               check=True, capture_output=True, text=True, env=environ)  # fmt: skip
    imported = set(asked.stderr.splitlines()[-1].split())
    assert "bucle.drivers.db.database" in imported
    assert HEAVY & imported <= {"sqlalchemy", "cryptography"}


# Answers requests as `bucle server` does, without a network: "METHOD path body" and a bearer token.
_ANSWER = """
import sys
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.interfaces.cli.server import control_app
from bucle.interfaces.http.threads import Threads
from tests.support.asgi import request
house, threads = House(load_settings()), Threads()
house.session()
app = control_app(house, threads)
bearer, *asked = sys.argv[1:]
for method, path, body in (line.split(" ", 2) for line in asked):
    found = request(app, method, path, body.encode(), {"authorization": f"Bearer {bearer}"})
    assert found.status == 200, found.body
    print(found.body.decode())
threads.close()
"""


def test_a_server_answers_without_what_it_may_never_be_asked_for(tmp_path: Path) -> None:
    _, loaded = _served(tmp_path, "GET /health ", "GET /version ", "GET /api/health ")
    assert HEAVY & loaded == _SERVES
    assert "sqlalchemy.dialects.postgresql" not in loaded
    assert not {name for name in loaded if name.startswith("bucle.lifecycle.registry.")} - {
        "bucle.lifecycle.registry.catalog",
        "bucle.lifecycle.registry.catalog.records",
        "bucle.lifecycle.registry.records",
    }


def test_a_first_metric_loads_what_signs_and_no_more(tmp_path: Path) -> None:
    begin = 'POST /api/2.0/mlflow/runs/create {"experiment_id": "0", "start_time": 1}'
    answers, _ = _served(tmp_path, begin)
    run = json.loads(answers[0])["run"]["info"]["run_id"]
    metric = json.dumps({"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1})
    _, loaded = _served(tmp_path, f"POST /api/2.0/mlflow/runs/log-metric {metric}")
    assert HEAVY & loaded <= _SERVES | {"cryptography"}


def test_a_model_server_starts_without_a_database() -> None:
    code = "from bucle.interfaces.predict.process import run_server"
    started = subprocess.run([sys.executable, "-c", f"{code}\n{_SHOW}"], cwd=ROOT, check=True,
                             capture_output=True, text=True)  # fmt: skip
    loaded = set(started.stderr.split())
    assert HEAVY & loaded == {"numpy", "pyarrow", "uvicorn"}
    assert "bucle.governance.session" not in loaded


def _served(home: Path, *asked: str) -> tuple[list[str], set[str]]:
    """Return the answers of a server that has just started, and what it has loaded since."""
    environ = os.environ | {"BUCLE_HOME": str(home)}
    token = subprocess.run([sys.executable, "-m", "bucle", "access", "create-token"], check=True,
                           capture_output=True, text=True, env=environ)  # fmt: skip
    served = subprocess.run(
        [sys.executable, "-c", f"{_ANSWER}\n{_SHOW}", token.stdout.strip(), *asked], cwd=ROOT,
        check=True, capture_output=True, text=True, env=environ,
    )  # fmt: skip
    return served.stdout.splitlines(), set(served.stderr.split())
