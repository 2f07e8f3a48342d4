from collections.abc import Iterator

import pytest

from bucle.drivers.compute import Compute, open_compute
from bucle.testing.contracts.compute import ComputeContract


class TestProcessCompute(ComputeContract):
    @pytest.fixture
    def compute(self) -> Iterator[Compute]:
        compute = open_compute("process:?workers=2&preload=numpy")
        yield compute
        compute.close()
