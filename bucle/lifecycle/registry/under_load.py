"""Measure how long callers wait for a package at a declared load, in a fresh process of its own.

What is measured is what the model server does with the model: rows that have arrived go to it
together, the next ones wait until it is done.  The model really runs, every batch of it; only
the waiting is reckoned, from what each batch cost (by the rule of `latency.py`, so that a busy
machine refuses no good model).  Neither the network nor a protocol is in it.

`python -m bucle.lifecycle.registry.under_load <folder>` reads `request.json` there and writes
`latency.json`; what goes wrong ends it, and its last line of errors is the reason.
"""

import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

import msgspec
import numpy as np
import pyarrow.parquet as pq

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid, Refused, Unavailable
from bucle.drivers.house import Drivers
from bucle.lifecycle.registry.columns import Array, columns_of
from bucle.lifecycle.registry.environments import BUCLE, plain_environ
from bucle.lifecycle.registry.flavors import FLAVORS
from bucle.lifecycle.registry.latency import cost_of, read_clocks, read_load
from bucle.lifecycle.registry.load import file_path, read_manifest
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import EXAMPLE_FILE, Load, LoadLatency, Manifest

_ROUNDS = 3
_REQUESTS = 1000  # of a round: ten of them are the slowest hundredth
_MOST_ROWS = 256  # of a batch
_WARM_UP = 20
_PATIENCE_S = 20.0  # of a round, by the clock
_LIMIT_S = 300.0
_SEED = 11
_START = (
    "import sys; sys.path.append(sys.argv[1]); from pathlib import Path; "
    "from bucle.lifecycle.registry.under_load import main; main(Path(sys.argv[2]))"
)


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """Which package the process loads, and how it is to be asked."""

    manifest: Manifest
    files: dict[str, str]  # name -> path
    load: Load


def check_load(load: Load) -> None:
    """Refuse a load that nobody could be under.

    Raises:
        Invalid: a rate or a number of callers below 0, or both.
    """
    if load.at_rps < 0 or load.callers < 0:
        raise Invalid(
            f"a load of {load.at_rps:g} requests a second by {load.callers} callers is none",
            hint="give at_rps or callers above 0",
        )
    if load.at_rps and load.callers:
        raise Invalid(
            "a load is a rate, or callers who ask again when they are answered",
            hint="give at_rps or callers",
        )


def measure_under_load(drivers: Drivers, manifest_digest: str, load: Load) -> LoadLatency:
    """Load a package in a fresh process, as a model server does, and ask it at a load.

    The caller has checked the package's signature; every file is checked here.

    Raises:
        Invalid: the load is none.
        Refused: a file is changed or missing, or the model fails there.
        Unavailable: it took longer than five minutes.
    """
    check_load(load)
    manifest = read_manifest(drivers.blobs, manifest_digest)
    files = {
        name: str(file_path(drivers.blobs, manifest, name, drivers.cache_path))
        for name in (manifest.weights, EXAMPLE_FILE)
    }
    with tempfile.TemporaryDirectory(prefix="bucle-load-") as name:
        folder = Path(name)
        request = _Request(manifest=manifest, files=files, load=load)
        (folder / "request.json").write_bytes(encode(request))
        try:
            done = subprocess.run(  # noqa: S603 - our own program; the package was vouched for
                [sys.executable, "-I", "-c", _START, str(BUCLE.parent), name],
                cwd=folder,
                env=plain_environ(HOME=name),
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"asking the package at its load took more than {_LIMIT_S:g} s",
                hint="declare a smaller load, or a smaller model",
            ) from error
        if done.returncode:
            told = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise Refused(f"the package failed under load in a fresh process: {told[:300]}")
        return decode((folder / "latency.json").read_bytes(), LoadLatency)


def wait_at_rate(
    arrivals: Sequence[float], answer: Callable[[int], float], out_of_time: Callable[[], bool]
) -> list[float]:
    """Return how long each of these arrivals waits for its answer.

    Args:
        arrivals: when requests come, rising, in seconds.
        answer: answers so many rows together; returns the seconds it takes.
        out_of_time: whether to stop; whoever waits then is counted with what it has waited.
    """
    waits: list[float] = []
    now, first = 0.0, 0
    while first < len(arrivals):
        now = max(now, arrivals[first])
        end = first + 1
        while end < len(arrivals) and arrivals[end] <= now and end - first < _MOST_ROWS:
            end += 1
        if out_of_time():
            return waits + [now - came for came in arrivals[first:] if came <= now]
        now += answer(end - first)
        waits += [now - came for came in arrivals[first:end]]
        first = end
    return waits


def wait_in_turn(
    callers: int, requests: int, answer: Callable[[int], float], out_of_time: Callable[[], bool]
) -> list[float]:
    """Return how long callers wait who ask again as soon as they are answered."""
    waits: list[float] = []
    waiting = deque([0.0] * callers)
    now = 0.0
    while len(waits) < requests and not out_of_time():
        came = [waiting.popleft() for _ in range(min(len(waiting), _MOST_ROWS))]
        now += answer(len(came))
        waits += [now - moment for moment in came]
        waiting.extend([now] * len(came))
    return waits or [now]


def latency_of(load: Load, answer: Callable[[int], float]) -> LoadLatency:
    """Ask at a load in several rounds, and return the best one's percentiles."""
    gaps = np.random.default_rng(_SEED).exponential(1.0, _REQUESTS)
    for _ in range(_WARM_UP):
        answer(1)
    rounds = []
    for _ in range(_ROUNDS):
        out_of_time = _patience(monotonic() + _PATIENCE_S)
        if load.at_rps:
            arrivals = (np.cumsum(gaps) / load.at_rps).tolist()
            waits = wait_at_rate(arrivals, answer, out_of_time)
        else:
            waits = wait_in_turn(max(load.callers, 1), _REQUESTS, answer, out_of_time)
        p50, p95, p99 = np.percentile(np.array(waits) * 1000, [50, 95, 99]).tolist()
        rounds.append((p99, p95, p50, len(waits)))
    p99, p95, p50, requests = min(rounds)
    loaded, processors = read_load()
    return LoadLatency(
        load=load,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        requests=requests,
        rounds=_ROUNDS,
        machine_load=loaded,
        processors=processors,
    )


def _patience(end_s: float) -> Callable[[], bool]:
    return lambda: monotonic() > end_s


def main(folder: Path) -> None:
    """Load the package that is asked for, ask it, and leave what was measured in the folder."""
    request = decode((folder / "request.json").read_bytes(), _Request)
    manifest = request.manifest
    weights = Path(request.files[manifest.weights]).read_bytes()
    predictor = Predictor("", manifest, FLAVORS[manifest.flavor].load(weights, manifest, 1))
    table = pq.read_table(request.files[EXAMPLE_FILE])
    answer = _answering(predictor, columns_of(table, manifest.signature.inputs))
    (folder / "latency.json").write_bytes(encode(latency_of(request.load, answer)))


def _answering(predictor: Predictor, example: Mapping[str, Array]) -> Callable[[int], float]:
    """Return what answers so many rows together, and says what that cost."""
    count = len(next(iter(example.values())))
    turn = 0

    def answer(rows: int) -> float:
        nonlocal turn
        places = np.arange(turn, turn + rows) % count
        turn += rows
        before = read_clocks()
        columns = {name: column[places] for name, column in example.items()}
        for column in predictor.predict_checked(columns).values():
            column.tolist()
        return cost_of(before, read_clocks())[0]

    return answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
