"""GPU seconds of this process, by NVIDIA's management library, if `pynvml` is installed.

The library tells how busy a process kept a GPU since a moment, but remembers seconds only;
so a thread asks twice a second and adds up.
"""

import importlib
import os
import threading
import time
from types import ModuleType

_PERIOD_S = 0.5


class GpuMeter:
    """Adds up the share of each GPU that this process keeps busy, times the seconds."""

    def __init__(self, nvml: ModuleType) -> None:
        self._nvml = nvml
        count = nvml.nvmlDeviceGetCount()
        self._devices = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        self._seen_us = [0] * count
        self._asked_s = time.monotonic()
        self._busy_s = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ask()
        self._busy_s = 0.0  # what was before the start does not count
        self._thread = threading.Thread(target=self._keep_asking, name="bucle-gpu", daemon=True)
        self._thread.start()

    def busy_s(self) -> float:
        """Return the GPU seconds until now."""
        self._ask()
        return self._busy_s

    def close(self) -> None:
        """Stop asking."""
        self._stopped.set()
        self._thread.join()

    def _keep_asking(self) -> None:
        while not self._stopped.wait(_PERIOD_S):
            self._ask()

    def _ask(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            passed_s, self._asked_s = now_s - self._asked_s, now_s
            for index in range(len(self._devices)):
                self._busy_s += passed_s * self._busy_share(index)

    def _busy_share(self, index: int) -> float:
        """Return the mean share of one GPU that this process used since it was last asked."""
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(
                self._devices[index], self._seen_us[index]
            )
        except self._nvml.NVMLError:  # "not found": no process used it in this time
            return 0.0
        own = [sample.smUtil / 100 for sample in samples if sample.pid == os.getpid()]
        newest_us = max((sample.timeStamp for sample in samples), default=0)
        self._seen_us[index] = max(self._seen_us[index], newest_us)
        return sum(own) / len(own) if own else 0.0


def open_gpu_meter() -> GpuMeter | None:
    """Start measuring; `None` if there is no `pynvml`, no driver or no GPU."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        return GpuMeter(nvml) if nvml.nvmlDeviceGetCount() else None
    except nvml.NVMLError:
        return None
