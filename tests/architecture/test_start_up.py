"""What makes a start slow is what is imported: heavy libraries wait until they are used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

HEAVY = frozenset({"alembic", "croniter", "cryptography", "duckdb", "httpx", "jinja2", "litestar",
                   "lmdb", "nats", "numpy", "obstore", "onnxruntime", "optuna", "pandas", "psycopg",
                   "pyarrow", "redis", "skl2onnx", "sklearn", "skops", "sqlalchemy",
                   "uvicorn"})  # fmt: skip
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
