"""Run each contender of a benchmark in a process of its own, and say what it took.

A contender is a function without arguments that returns a number to compare; its process tells
the processor and wall time of the call, and the most memory that it ever held, imports included.
"""

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Took:
    """What a contender took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    answer: float


def contend(act: Callable[[], float]) -> None:
    """Call it in this process, and print what it took as one line of JSON."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = act()
    took = Took(
        wall_s=round(time.perf_counter() - wall, 3),
        cpu_s=round(time.process_time() - cpu, 3),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        answer=answer,
    )
    print(json.dumps(asdict(took)), flush=True)


def median_of(repeat: int, command: Sequence[str]) -> Took:
    """Run a contender's program several times, and return the one of the median CPU time."""
    several = []
    for _ in range(repeat):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}:\n{done.stderr}")
        several.append(Took(**json.loads(done.stdout.splitlines()[-1])))
        print(f"{command[-1]}: {several[-1]}", file=sys.stderr, flush=True)
    return sorted(several, key=lambda took: took.cpu_s)[len(several) // 2]


def require_same(took: Mapping[str, Took]) -> None:
    """Stop where contenders gave different answers: then their times say nothing."""
    answers = [each.answer for each in took.values()]
    if not math.isclose(min(answers), max(answers), rel_tol=1e-9):
        raise SystemExit(f"the contenders differ: {took}")
