"""What things used and what that cost."""

import msgspec

from bucle.base.usage import Usage


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What one thing used, in total, and its price."""

    ref: str
    usage: Usage
    cost: float  # in the price list's currency


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """A price list; the defaults are a small cloud machine's, per hour."""

    cpu_hour: float = 0.04
    gpu_hour: float = 2.5
    gib_hour: float = 0.005
    currency: str = "USD"

    def cost(self, usage: Usage) -> float:
        """Return the price of CPU time, GPU time and peak memory held for the wall time."""
        memory = usage.peak_memory_bytes / 2**30 * usage.wall_s
        return (
            usage.cpu_s * self.cpu_hour
            + (usage.gpu_s or 0.0) * self.gpu_hour
            + memory * self.gib_hour
        ) / 3600
