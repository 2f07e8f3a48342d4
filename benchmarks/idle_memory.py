"""What does an idle `bucle up` hold and use?

    python benchmarks/idle_memory.py [--settle 8] [--seconds 10]

Starts `bucle up` in a new home and reads what each of its processes holds: RSS, and PSS, which
counts a page that several share once.  Beside it stands the least that these processes could
hold: as many Pythons that import the libraries each of them cannot do without, and wait.  Then
the processor time of all of them over some seconds in which nobody asks for anything.
Linux only: it reads /proc.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Figure, arguments, tell

# A process -> what it cannot do without.
NEEDS = {
    "up": "click",
    "API": "click, litestar, uvicorn, sqlalchemy",
    "control plane": "sqlalchemy, cryptography, numpy, pyarrow.parquet, croniter",
    "model server": "uvicorn, cryptography, numpy, pyarrow.parquet, obstore",
}
NAMES = {"bucle up": "up", "bucle server": "API", "bucle.control": "control plane",
         "bucle.interfaces.predict": "model server"}  # fmt: skip
WAIT = "import {}, sys; print('ready', flush=True); sys.stdin.read()"
LIMIT_S = 90


def main() -> None:
    """Measure the installation, then the bare processes."""
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("this reads /proc/<pid>/smaps_rollup, which only Linux has")
    parser = arguments(__doc__)
    parser.add_argument("--settle", type=float, default=8.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    settle, seconds = (2.0, 3.0) if asked.quick else (asked.settle, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as home, bucle_up(Path(home)) as pids:
        time.sleep(settle)
        held = {name: memory_mb(pid) for name, pid in pids.items()}
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        used = {name: (cpu_s(pid) - before[name]) / seconds * 100 for name, pid in pids.items()}
    least = bare()
    tell(Figure(
        benchmark="idle memory of bucle up", ours=sum(one["pss"] for one in held.values()),
        beside=sum(least.values()), against="Pythons that import the same libraries",
        unit="MB of PSS",
        details={"processes": held, "bare_pss": least,
                 "idle_cpu_percent": {name: round(share, 2) for name, share in used.items()},
                 "idle_cpu_percent_sum": round(sum(used.values()), 2)},
    ))  # fmt: skip


@contextmanager
def bucle_up(home: Path) -> Iterator[dict[str, int]]:
    """Start an installation, yield its processes by name, and stop it as Ctrl-C would."""
    port = free_ports()
    log = home / "up.log"
    with log.open("wb") as file:
        up = subprocess.Popen(
            [sys.executable, "-m", "bucle", "up", "--home", str(home), "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + LIMIT_S
        while not (answers(port) and b"Ctrl-C" in log.read_bytes()):
            if up.poll() is not None or time.monotonic() > deadline:
                sys.exit(log.read_text())
            time.sleep(0.2)
        yield {name_of(pid): pid for pid in (up.pid, *children(up.pid))}
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=60)


def bare() -> dict[str, float]:
    """Return the PSS of processes that only import, all of them alive at once."""
    started = [
        subprocess.Popen([sys.executable, "-c", WAIT.format(needs)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for needs in NEEDS.values()
    ]  # fmt: skip
    try:
        for process in started:
            assert process.stdout is not None
            if not process.stdout.readline():
                sys.exit("a bare process could not import what it needs")
        return {name: memory_mb(process.pid)["pss"]
                for name, process in zip(NEEDS, started, strict=True)}  # fmt: skip
    finally:
        for process in started:
            process.communicate()


def memory_mb(pid: int) -> dict[str, float]:
    """Return a process' RSS and PSS in megabytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = {line.split(":")[0].lower(): int(line.split()[1]) for line in lines[1:]}
    return {kind: round(kilobytes[kind] * 1024 / 1e6, 1) for kind in ("rss", "pss")}


def cpu_s(pid: int) -> float:
    """Return the user and system seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the processes that a process started, and what they started."""
    direct = [int(child)
              for task in Path(f"/proc/{pid}/task").iterdir()
              for child in (task / "children").read_text().split()]  # fmt: skip
    return [one for child in direct for one in (child, *children(child))]


def name_of(pid: int) -> str:
    """Return what a process is for, by its command line."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return next((name for told, name in NAMES.items() if told in line), line.strip())


def answers(port: int) -> bool:
    """Tell whether the API answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_ports() -> int:
    """Return a port that is free, and whose next one is."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    main()
