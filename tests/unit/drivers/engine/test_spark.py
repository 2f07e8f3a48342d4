import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.engine import open_engine
from bucle.drivers.house import Drivers
from bucle.testing.houses import open_test_house
from tests.support import spark

WRONG = (
    "spark:", "spark://", "spark:local", "spark://local[", "spark://local[0]", "spark://local[two]",
    "spark://local[2", "spark://host", "spark://host:port", "spark://host:70000", "spark://a b/c:1",
    "spark://local?memori=1GB", "spark://local?memory=much", "spark://local?memory=10MB",
    "spark://local?partitions=0", "spark://local?partitions=many",
)  # fmt: skip


@pytest.fixture
def _has_pyspark() -> None:
    spark.require_package()


@pytest.mark.usefixtures("_has_pyspark")
@pytest.mark.parametrize("url", WRONG)
def test_a_url_that_is_wrong_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        open_engine(url)


@pytest.mark.usefixtures("_has_pyspark")
@pytest.mark.parametrize(
    ("url", "master", "memory", "partitions"),
    [
        ("spark://local[3]", "local[3]", None, 3),
        ("spark://local[2]?memory=2GiB&partitions=7", "local[2]", 2 << 30, 7),
        ("spark://host:7077", "spark://host:7077", 0, 0),
        ("spark://[::1]:7077?memory=1GB", "spark://[::1]:7077", 10**9, 0),
    ],
)
def test_a_url_says_where_and_how_much(
    url: str, master: str, memory: int | None, partitions: int
) -> None:
    from bucle.drivers.engine.spark.address import parse_address

    found = parse_address(url)
    assert (found.master, found.partitions) == (master, partitions)
    assert memory is None or found.memory_bytes == memory


@pytest.mark.usefixtures("_has_pyspark")
def test_spark_is_not_started_before_a_statement_asks_for_it(tmp_path: Path) -> None:
    from pyspark import SparkContext

    before = SparkContext._active_spark_context
    house = open_test_house(tmp_path, engine_url="spark://nobody.invalid:7077")
    assert house.drivers.engine.dialect == "duckdb"
    assert house.drivers.offline.dialect == "spark"
    house.close()
    assert SparkContext._active_spark_context is before


def test_with_duckdb_there_is_one_engine(tmp_path: Path) -> None:
    house = open_test_house(tmp_path)
    drivers: Drivers = house.drivers
    assert drivers.offline is drivers.engine
    house.close()


def test_without_the_package_it_is_said_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "from bucle.drivers.engine import open_engine\n"
        "from bucle.base.errors import NotInstalled\n"
        "try: open_engine('spark://local')\n"
        "except NotInstalled as error: print(error, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert b"(pyspark) pip install 'bucle[spark]'" in done.stdout


FRESH = """
import sys
from bucle.drivers.engine import open_engine
from bucle.base.errors import BucleError
engine = open_engine(sys.argv[1])
try: engine.query("SELECT 1", tables={})
except BucleError as error: print(type(error).__name__, error, error.hint)
engine.close()
"""


# In a process of its own: where a Spark runs already, neither Java nor another master is asked.
@pytest.mark.usefixtures("_has_pyspark")
@pytest.mark.parametrize("variable", ["JAVA_HOME", "PATH"])
def test_without_java_it_is_said_what_is_missing(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert said("spark://local[1]").startswith("NotInstalled Spark needs Java 17")


@pytest.mark.usefixtures("_has_pyspark")
def test_a_master_that_does_not_answer_is_unavailable_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A Java that is found, and must not be started.
    (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    answer = said("spark://127.0.0.1:9")
    assert answer.startswith("Unavailable Spark on spark://127.0.0.1:9 does not answer: ")
    broken = said("spark://local[1]")
    assert broken.startswith("Unavailable Spark on local[1] does not start: ")


def said(url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FRESH, url], capture_output=True, text=True, check=True
    )
    return done.stdout
