"""What does a step cost?  Fifty trivial steps: cold and cached, beside functions and processes.

    python benchmarks/pipeline_steps.py [--steps 50]

A chain runs its steps one after the other; a fan has no order, so
that it can use every core.  The peers do the same additions in this process, and each in a new
process of `multiprocessing` (spawn), which is the isolation that our steps have.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Figure, arguments, tell

from bucle.lifecycle.pipelines import run_pipeline
from bucle.testing.houses import open_test_house

FLOW = """
from bucle.lifecycle.pipelines.define import pipeline, step

@step
def add(value, n):
    return value + n

@step
def collect(values):
    return sum(values)

@pipeline
def chain(count: int):
    value = 0
    for n in range(count):
        value = add(value, n)
    return value

@pipeline
def fan(count: int):
    return collect([add(0, n + 1_000_000) for n in range(count)])
"""


SPAWNED = """
import multiprocessing, sys, time
from operator import add

if __name__ == "__main__":
    context, value, started_s = multiprocessing.get_context("spawn"), 0, time.perf_counter()
    for n in range(int(sys.argv[1])):
        with context.Pool(1) as pool:
            value = pool.apply(add, (value, n))
    print(time.perf_counter() - started_s)
"""
SPAWNS = 10


def add(value: int, n: int) -> int:
    """Add, as the step does."""
    return value + n


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=50)
    asked = parser.parse_args()
    steps = 10 if asked.quick else asked.steps
    with tempfile.TemporaryDirectory() as folder:
        figures = measure_ours(Path(folder), steps)
    figures |= {"function_calls": timed(lambda: call_all(steps))}
    figures |= {"multiprocessing_spawn": spawn_each() * steps}
    per_step = {name: round(seconds / steps * 1e3, 3) for name, seconds in figures.items()}
    tell(Figure(
        benchmark="pipeline step", ours=per_step["chain_cold"],
        beside=per_step["multiprocessing_spawn"], against="a new process of multiprocessing",
        unit="ms",
        details={"steps": steps, "milliseconds_a_step": per_step,
                 "first_run_of_one_step_s": round(figures["first_run_of_one_step"], 3)},
    ))  # fmt: skip


def measure_ours(folder: Path, steps: int) -> dict[str, float]:
    """Run both shapes cold, then again with every value cached."""
    (folder / "flow.py").write_text(FLOW)
    house = open_test_house(folder / "home")
    session = house.session()

    def run(name: str, count: int) -> None:
        done = run_pipeline(session, f"flow:{name}", {"count": count}, folder=folder)
        if done.status != "finished":
            sys.exit(done.error)

    figures = {"first_run_of_one_step": timed(lambda: run("chain", 1))}
    for name in ("chain", "fan"):
        figures[f"{name}_cold"] = timed(lambda name=name: run(name, steps))
        figures[f"{name}_cached"] = timed(lambda name=name: run(name, steps))
    house.close()
    return figures


def call_all(steps: int) -> None:
    """Call the function, as a script would."""
    value = 0
    for n in range(steps):
        value = add(value, n)


def spawn_each() -> float:
    """Return the seconds of one call in a new process, from a script that imports nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "spawned.py"
        script.write_text(SPAWNED)
        done = subprocess.run(
            [sys.executable, str(script), str(SPAWNS)], check=True, capture_output=True, text=True
        )
    return float(done.stdout) / SPAWNS


def timed(work: Callable[[], None]) -> float:
    """Return the wall time of some work, in seconds."""
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
