"""Measure how long a model takes for one row, on a machine that may be doing other things too.

A gate must judge the model and not its neighbours.  By the clock alone a good model is refused
whenever a test suite or a training runs beside it; by processor time alone a model that asks a
slow server for every row would pass.  So a row that never gave up its processor costs what it
computed (whatever else passed, it spent waiting for a processor), a row that did costs all of it
by the clock, and of several rounds the best one counts.
"""

import os
import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np

_WARM_UP = 20
_WARM_UP_S = 1.0
_ROUNDS = 5
_ROWS = 40  # of a round
_PATIENCE_S = 5.0
# One thread's own figures: Linux has them, macOS has not, and there a row is judged by the clock.
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)


class Moment(NamedTuple):
    """What the clocks of the calling thread show."""

    wall_s: float
    cpu_s: float
    sleeps: int | None  # times that it gave up its processor by itself; None: nobody counts


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The 95th percentiles of one-row predictions in the best round, in milliseconds."""

    p95_ms: float  # what is judged
    wall_p95_ms: float  # by the clock
    cpu_p95_ms: float  # what the calling thread computed
    rows: int
    rounds: int
    load: float  # the machine's average of ready threads over the last minute
    processors: int  # that this process may use

    @property
    def note(self) -> str:
        """The figures in words."""
        busy = ", more than it has" if self.load > self.processors else ""
        return (
            f"{self.p95_ms:.3g} ms for one row, 95 of 100 times, in the best of {self.rounds} "
            f"rounds of {self.rows} rows ({self.wall_p95_ms:.3g} ms by the clock, "
            f"{self.cpu_p95_ms:.3g} ms of CPU; the machine's load was {self.load:.1f} on "
            f"{self.processors} processors{busy})"
        )


def read_clocks() -> Moment:
    """Return the calling thread's clocks; about a microsecond's work."""
    sleeps = resource.getrusage(_THREAD).ru_nvcsw if _THREAD is not None else None
    return Moment(time.perf_counter(), time.thread_time(), sleeps)


def read_load() -> tuple[float, int]:
    """Return the machine's load and the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return os.getloadavg()[0], len(affinity(0)) if affinity else os.cpu_count() or 1


def measure_latency(
    predict: Callable[[int], object],
    count: int,
    clocks: Callable[[], Moment] = read_clocks,
    load: Callable[[], tuple[float, int]] = read_load,
) -> Latency:
    """Time one-row predictions: a warm-up, then rounds, of which the best counts.

    A row is judged by its thread's CPU time where the thread never slept, since then all the rest
    was waiting for a processor; by the clock where it slept (network, disk, a lock, other threads
    that work for it) or where the system does not say.  After five seconds no row is begun.

    Args:
        predict: predicts one of `count` rows, given its place.
        count: how many different rows there are; they take turns.
        clocks: reads the thread's clocks.
        load: reads the machine's load and processors.
    """
    begun_s = clocks().wall_s
    turn = 0
    while turn < _WARM_UP and (turn == 0 or clocks().wall_s - begun_s < _WARM_UP_S):
        predict(turn % count)
        turn += 1
    rounds: list[list[tuple[float, float, float]]] = [[]]
    while len(rounds) <= _ROUNDS:
        before = clocks()
        if rounds != [[]] and before.wall_s - begun_s >= _PATIENCE_S:
            break
        predict(turn % count)
        turn += 1
        rounds[-1].append(cost_of(before, clocks()))
        if len(rounds[-1]) == _ROWS:
            rounds.append([])
    # The last round is unfinished; it counts where there is no other: of few rows the 95th
    # percentile is too kind.
    kept = rounds[:-1] or rounds
    figures = [np.percentile(np.array(rows) * 1000, 95, axis=0).tolist() for rows in kept]
    p95_ms, wall_p95_ms, cpu_p95_ms = min(figures)
    loaded, processors = load()
    return Latency(
        p95_ms=p95_ms,
        wall_p95_ms=wall_p95_ms,
        cpu_p95_ms=cpu_p95_ms,
        rows=len(kept[0]),
        rounds=len(kept),
        load=loaded,
        processors=processors,
    )


def cost_of(before: Moment, after: Moment) -> tuple[float, float, float]:
    """Return what a row is judged by, its time by the clock and its CPU time, in seconds."""
    wall_s, cpu_s = after.wall_s - before.wall_s, after.cpu_s - before.cpu_s
    stayed = before.sleeps is not None and before.sleeps == after.sleeps
    return (cpu_s if stayed else wall_s), wall_s, cpu_s
