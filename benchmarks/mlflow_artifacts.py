"""Artifacts through the server: 1,000 of 1 KB, and one of 1 GB, up and down again.

    python benchmarks/mlflow_artifacts.py [--large-mb 1024] [--folder DIR]

The mlflow client uploads and downloads through each server's proxy, and the bytes are compared.
Beside the rates stands what the disk does: the same bytes copied and synced.  The bars: the list
of 1,000 in under 200 ms, the large one at disk speed in constant memory (`more_memory_mb`: what
the server held more than before).  FastTrackML has no proxy: its client writes into the server's
folder itself (`uri` says `file`), and this client's download asks it for what it has not; so it
stands here without figures of its own.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.hubs import hub, hub_names, need_client
from support.mlflow_asks import ask


def main() -> None:
    """Measure the disk and every server and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--large-mb", type=int, default=1024)
    parser.add_argument("--folder", type=Path, help="where all of it is written")
    asked = parser.parse_args()
    need_client()
    large, many = (64, 100) if asked.quick else (asked.large_mb, 1000)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bucle-bench-", dir=asked.folder) as folder:
        disk = disk_mb_per_s(Path(folder), large)
    for name in hub_names(postgresql=False):
        with (
            tempfile.TemporaryDirectory(prefix="bucle-bench-", dir=asked.folder) as folder,
            hub(name, Path(folder) / "server") as running,
        ):
            found[name] = ask(running, "artifacts", many=many, large_mb=large, folder=folder)
        print(name, found[name], file=sys.stderr, flush=True)
    ours = found["bucle"]
    assert ours["same bytes"]
    for way in ("upload", "download"):
        name = f"{way} {large} MB"
        tell(Figure(
            benchmark=f"artifact, {name}", ours=ours[name]["mb_per_s"], beside=disk,
            against="a copy on the same disk, synced", unit="MB per second",
            details={"servers": {hub: one.get(name) for hub, one in found.items()}},
        ))  # fmt: skip
    for name in ("list all of them", "log one of 1 KB"):
        against = "the limit" if name.startswith("list") else "mlflow server's"
        peer = found.get("mlflow", ours)[name]["wall_ms"]
        tell(Figure(
            benchmark=f"{many} artifacts of 1 KB, {name}", ours=ours[name]["wall_ms"],
            beside=200.0 if name.startswith("list") else peer, against=against, unit="ms",
            details={"servers": {hub: one.get(name) for hub, one in found.items()}},
        ))  # fmt: skip


def disk_mb_per_s(folder: Path, megabytes: int) -> float:
    """Return how fast as many bytes are copied from a file to another, and synced."""
    source, target = folder / "source", folder / "target"
    block = os.urandom(1 << 20)
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    started = time.perf_counter()
    with source.open("rb") as reader, target.open("wb") as writer:
        while part := reader.read(1 << 20):
            writer.write(part)
        writer.flush()
        os.fsync(writer.fileno())
    return megabytes / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
