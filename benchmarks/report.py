"""How a benchmark tells what it found: one JSON line on stdout, one readable line on stderr.

Our figure never stands alone: beside it stands a peer's or the limit's, taken in the same run.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One answer: what is ours, and what stands beside it."""

    benchmark: str
    ours: float
    beside: float
    against: str  # whose figure `beside` is
    unit: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a program took from its start to its end, its own children included."""

    wall_s: float
    cpu_s: float
    code: int
    output: str


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows `--quick`, for a first look."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller and less exact")
    return parser


def tell(figure: Figure) -> None:
    """Print a figure."""
    line = {
        "benchmark": figure.benchmark,
        "ours": significant(figure.ours),
        "beside": significant(figure.beside),
        "ratio": significant(figure.ours / figure.beside),
        "unit": figure.unit,
        "against": figure.against,
        "machine": {
            "cores": os.cpu_count(),
            "load_1_min": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
        "details": figure.details,
    }
    print(json.dumps(line), flush=True)
    print(
        f"{figure.benchmark}: {line['ours']:,} {figure.unit}, {line['ratio']:,} times "
        f"{figure.against} ({line['beside']:,})",
        file=sys.stderr,
        flush=True,
    )


def significant(value: float) -> float:
    """Return a number with four digits that count; large ones whole."""
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def spend(command: Sequence[str], **environment: str) -> Spent:
    """Run a program and return what it took."""
    before, started = _children_cpu_s(), time.perf_counter()
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - started
    return Spent(
        wall_s=wall_s,
        cpu_s=_children_cpu_s() - before,
        code=done.returncode,
        output=done.stdout + done.stderr,
    )


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
