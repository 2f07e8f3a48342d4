from collections.abc import Iterator

import pytest

from bucle.drivers.engine import Engine, open_engine
from bucle.testing.contracts.engine import EngineContract


class TestDuckDBEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        engine = open_engine("duckdb:?memory=500MB&threads=2")
        yield engine
        engine.close()


class TestSparkEngine(EngineContract):
    @pytest.fixture
    def engine(self, spark_engine: Engine) -> Engine:
        return spark_engine
