"""What something used: processor, time, memory and GPU, for the cost of everything that runs."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bucle.base.gpu import GpuMeter, open_gpu_meter

# ru_maxrss is in bytes on macOS and in KiB elsewhere (getrusage(2)).
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one execution used."""

    cpu_s: float  # user and system, children included
    wall_s: float
    peak_memory_bytes: int  # resident
    gpu_s: float | None = None  # seconds of a whole GPU; None: no GPU could be asked


class Meter:
    """A running measurement of this process; `usage()` may be asked at any moment."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()
        self._cpu_before_s = _cpu_s()
        self._gpu: GpuMeter | None = open_gpu_meter()
        self._final: Usage | None = None  # None: still running

    def usage(self) -> Usage:
        """Return what was used so far, or until the end of the `with` block."""
        if self._final is not None:
            return self._final
        gpu_s = None if self._gpu is None else self._gpu.busy_s()
        return Usage(
            cpu_s=_cpu_s() - self._cpu_before_s,
            wall_s=time.perf_counter() - self._started_s,
            peak_memory_bytes=_peak_memory_bytes(),
            gpu_s=gpu_s,
        )

    def stop(self) -> None:
        """Fix the figures."""
        self._final = self.usage()
        if self._gpu is not None:
            self._gpu.close()


@contextmanager
def measure() -> Iterator[Meter]:
    """Measure what this process, its threads and its finished children use in the block.

    The peak of memory is the process's own since it started: the system keeps no other.
    GPU seconds need `pynvml` (`pip install nvidia-ml-py`).
    """
    meter = Meter()
    try:
        yield meter
    finally:
        meter.stop()


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_memory_bytes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children) * RSS_UNIT_BYTES
