"""What does it cost to run a function in a process of its own?

    python benchmarks/task_overhead.py [--tasks 50]

Our fork server beside multiprocessing's `forkserver` and `spawn` (a new process for each task,
as we have), with a function that needs nothing and with one that needs pandas: wall milliseconds
a task, one after another, after the first; the fastest is what counts on a busy machine.
"""

import multiprocessing
import operator
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from report import Figure, arguments, tell

from bucle.drivers.compute import open_compute

Call = tuple[Callable[..., object], object, object]


def milliseconds(run: Callable[[], object], times: int) -> dict[str, float]:
    """Return the fastest and the median of some runs after a first one."""
    run()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    return {"fastest": round(min(taken), 2), "median": round(statistics.median(taken), 2)}


def ours(call: Call, preload: str, times: int) -> dict[str, float]:
    """Measure our driver."""
    compute = open_compute(f"process:?workers=1&preload={preload}")
    try:
        return milliseconds(lambda: compute.submit(*call).result(), times)
    finally:
        compute.close()


def theirs(call: Call, method: str, times: int) -> dict[str, float]:
    """Measure a new `Process` of the standard library for each task, with a pipe for its value."""
    context = multiprocessing.get_context(method)

    def run() -> object:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=answer, args=(sender, *call))
        process.start()
        value = receiver.recv()
        process.join()
        return value

    return milliseconds(run, times)


def answer(
    sender: Connection, function: Callable[..., object], left: object, right: object
) -> None:
    """Send a function's value."""
    sender.send(function(left, right))


def main() -> None:
    """Measure each way, bare and with pandas."""
    parser = arguments(__doc__)
    parser.add_argument("--tasks", type=int, default=50)
    asked = parser.parse_args()
    times = 10 if asked.quick else asked.tasks
    few = max(times // 10, 3)
    bare: Call = (operator.add, 1, 2)
    results = {"bucle": ours(bare, "", times), "forkserver": theirs(bare, "forkserver", times),
               "spawn": theirs(bare, "spawn", few)}  # fmt: skip
    from pandas import Timedelta

    heavy: Call = (Timedelta, 1, "s")
    results |= {"bucle, pandas preloaded": ours(heavy, "pandas", times),
                "bucle, pandas imported": ours(heavy, "", few),
                "forkserver, pandas imported": theirs(heavy, "forkserver", few),
                "spawn, pandas imported": theirs(heavy, "spawn", few)}  # fmt: skip
    for name, found in results.items():
        fastest, median = found["fastest"], found["median"]
        print(f"{fastest:8.2f} ms a task (median {median:.2f}): {name}", file=sys.stderr)
    tell(Figure(
        benchmark="task in a process of its own", ours=results["bucle"]["fastest"],
        beside=results["forkserver"]["fastest"], against="multiprocessing's forkserver",
        unit="ms", details={"tasks": times, "milliseconds_a_task": results},
    ))  # fmt: skip


if __name__ == "__main__":
    main()
