"""What a server's processes use, read from /proc (Linux only), by this process or by a client's.

A server is a tree: `mlflow server` starts workers, and what an ended child used is in its
parent's account.  This file needs the standard library only, since the clients of other
environments import it too.
"""

import os
from pathlib import Path


def tree(pid: int) -> list[int]:
    """Return a process and all that it started and that still runs."""
    try:
        direct = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except FileNotFoundError:
        return []
    return [pid, *(one for child in direct for one in tree(child))]


def cpu_s(pid: int) -> float:
    """Return the user and system seconds of a tree, ended children included: ticks of 10 ms."""
    ticks = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def fine_cpu_s(pid: int) -> float:
    """Return the seconds that the living threads of a tree ran: nanoseconds, no ended threads."""
    return sum(
        int((task / "schedstat").read_text().split()[0]) / 1e9
        for one in tree(pid)
        for task in Path(f"/proc/{one}/task").iterdir()
    )


def database_cpu_s(name: str) -> float:
    """Return the seconds of the PostgreSQL backends, on this machine, of one database."""
    if not name:
        return 0.0
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
            if line.startswith(b"postgres:") and name.encode() in line:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Return the memory of a tree, shared pages counted once."""
    return round(sum(_kilobytes(one, "smaps_rollup", "Pss:") for one in tree(pid)) / 1000, 1)


def rss_mb(pid: int) -> float:
    """Return the resident memory of a tree now, shared pages counted in each process."""
    return round(sum(_kilobytes(one, "status", "VmRSS:") for one in tree(pid)) / 1000, 1)


def _kilobytes(pid: int, file: str, field: str) -> float:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1.024
    return 0.0
