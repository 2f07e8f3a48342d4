"""CPU, memory and GPU of a run's process over time, as metrics of the run."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bucle.base.errors import BucleError
from bucle.base.usage import Meter, Usage

PERIOD_S = 10.0
_FIRST_STREAM_S = 20.0
_LONGEST_STREAM_S = 640.0
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Vitals:
    """A thread that looks at the process every ten seconds.

    A run that is shorter has none of these metrics; its usage says the whole.

    Args:
        meter: what measures the run.
        log: takes metrics; None: they are not wanted.
        stream: has the output so far delivered, ever less often; None: it is not kept.
    """

    def __init__(
        self,
        meter: Meter,
        log: Callable[[Mapping[str, float]], None] | None,
        stream: Callable[[], None] | None,
    ) -> None:
        self._meter = meter
        self._log = log
        self._stream = stream
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bucle-vitals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        before, started = self._meter.usage(), time.monotonic()
        next_stream_s = _FIRST_STREAM_S
        while not self._stopped.wait(PERIOD_S):
            now = self._meter.usage()
            try:
                if self._log is not None:
                    self._log(vitals_between(before, now, memory_bytes(now)))
                if self._stream is not None and time.monotonic() - started > next_stream_s:
                    self._stream()
                    next_stream_s += min(next_stream_s, _LONGEST_STREAM_S)
            except BucleError:
                return  # the run's own calls say why: the disk is full, or the run has ended
            before = now


def vitals_between(before: Usage, now: Usage, memory: int) -> dict[str, float]:
    """Return the metrics of the time between two looks.

    `cpu_share` is of one core, so that it may be more than 1; `gpu_share` of one GPU.
    """
    passed_s = max(now.wall_s - before.wall_s, 1e-9)
    found = {
        "system/cpu_share": (now.cpu_s - before.cpu_s) / passed_s,
        "system/memory_bytes": float(memory),
    }
    if now.gpu_s is not None:
        found["system/gpu_share"] = (now.gpu_s - (before.gpu_s or 0.0)) / passed_s
    return found


def memory_bytes(usage: Usage) -> int:
    """Return the resident memory of this process; its peak where the system says no more."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return usage.peak_memory_bytes
