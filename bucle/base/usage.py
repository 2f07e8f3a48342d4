"""`Usage`: what one piece of work took from the machine."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """CPU, wall and GPU time in seconds, and the peak of resident memory in bytes."""

    cpu_s: float
    wall_s: float
    peak_memory_bytes: int
    gpu_s: float | None = None  # None: there is no GPU, or nobody could ask it
