"""Against an NVML of our own making: the shares are given, the seconds are real."""

import os
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from bucle.base.gpu import GpuMeter, open_gpu_meter
from bucle.base.usage import measure


class NVMLError(Exception):
    """What the library raises, as when no process used the GPU."""


class Sample:
    def __init__(self, pid: int, share: float, seen_us: int) -> None:
        self.pid, self.smUtil, self.timeStamp = pid, 100 * share, seen_us


class FakeNvml(ModuleType):
    def __init__(self, samples: list[Sample]) -> None:
        super().__init__("pynvml")
        self.NVMLError = NVMLError
        self.samples = samples
        self.asked: list[int] = []

    def nvmlInit(self) -> None:  # noqa: N802 - the library's name
        return None

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - the library's name
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - the library's name
        return index

    def nvmlDeviceGetProcessUtilization(self, _gpu: int, since_us: int) -> list[Sample]:  # noqa: N802 - the library's name
        self.asked.append(since_us)
        new = [sample for sample in self.samples if sample.timeStamp > since_us]
        if not new:
            raise NVMLError
        return new


@pytest.fixture
def nvml() -> FakeNvml:
    return FakeNvml([Sample(os.getpid(), 0.5, 10), Sample(os.getpid() + 1, 1.0, 20)])


@pytest.fixture
def meter(nvml: FakeNvml) -> Iterator[GpuMeter]:
    meter = GpuMeter(nvml)
    yield meter
    meter.close()


def test_what_was_before_the_start_does_not_count(meter: GpuMeter) -> None:
    assert meter.busy_s() == 0.0


def test_this_process_share_counts_and_no_others(meter: GpuMeter, nvml: FakeNvml) -> None:
    nvml.samples += [Sample(os.getpid(), 0.4, 30), Sample(os.getpid(), 0.6, 31),
                     Sample(os.getpid() + 1, 1.0, 32)]  # fmt: skip
    assert meter._busy_share(0) == 0.5


def test_a_sample_is_taken_once(meter: GpuMeter, nvml: FakeNvml) -> None:
    nvml.samples.append(Sample(os.getpid(), 1.0, 30))
    assert meter._busy_share(0) == 1.0
    assert meter._busy_share(0) == 0.0
    assert meter._busy_share(0) == 0.0
    assert nvml.asked[-1] == 30


def test_work_on_a_gpu_is_part_of_the_usage(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with measure() as meter:
        nvml.samples.append(Sample(os.getpid(), 1.0, 30))
    usage = meter.usage()
    assert usage.gpu_s is not None
    assert 0 < usage.gpu_s <= usage.wall_s


def test_without_the_library_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert open_gpu_meter() is None


def test_without_a_driver_nothing_is_told(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise NVMLError

    monkeypatch.setattr(nvml, "nvmlInit", fail)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert open_gpu_meter() is None
