"""A version is swapped every second under 64 connections: who fails, who meets a retired version.

    python benchmarks/serving_swaps.py [--quick]

A caller that has seen an answer of a revision must not meet an older one with a request that
anybody sends afterwards: from then on it is retired.  Every answer says its revision.
"""

import asyncio
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from report import Figure, arguments, tell
from serving_http import ASKS, our_server
from support.serving_home import prepare, second_version, swap

CONNECTIONS = 64


class Seen:
    """What the callers saw."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()  # by revision
        self.failures: Counter[str] = Counter()
        self.retired = 0
        self.first_at: dict[int, float] = {}  # when the first answer of a revision was there

    def note(self, revision: int, sent_at: float) -> None:
        """Note an answer, and whether its revision was retired before the request was sent."""
        now = time.perf_counter()
        self.answers[revision] += 1
        self.first_at.setdefault(revision, now)
        self.retired += any(
            later > revision and at < sent_at for later, at in self.first_at.items()
        )


async def ask(port: int, request: bytes, until: float, seen: Seen) -> None:
    """Ask on one connection, one request after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (sent_at := time.perf_counter()) < until:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            if head[9:12] != b"200":
                seen.failures[head[9:12].decode()] += 1
                continue
            deployment = head.partition(b"bucle-deployment:")[2].partition(b"\r\n")[0]
            seen.note(int(deployment.rpartition(b"@")[2]), sent_at)
    except (OSError, EOFError) as error:
        seen.failures[type(error).__name__] += 1
    finally:
        writer.close()


async def all_callers(port: int, request: bytes, seconds: float, seen: Seen) -> None:
    """Ask on all connections."""
    until = time.perf_counter() + seconds
    await asyncio.gather(*(ask(port, request, until, seen) for _ in range(CONNECTIONS)))


def main() -> None:
    """Swap under load."""
    parser = arguments(__doc__)
    asked = parser.parse_args()
    seconds = 10.0 if asked.quick else 60.0
    case = ASKS["churn"]
    head = f"POST {case.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(case.body)}\r\n\r\n".encode() + case.body
    seen, ended, swaps = Seen(), threading.Event(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        home = Path(name) / "home"
        prepare(home, only=("churn",))
        second_version(home, "churn")

        def swapping() -> None:
            published = swap(home, "churn")
            while not ended.wait(1.0):
                swaps[next(published)] += 1
            published.close()  # type: ignore[attr-defined]

        with our_server(home) as (_, port):
            thread = threading.Thread(target=swapping)
            thread.start()
            asyncio.run(all_callers(port, request, seconds, seen))
            ended.set()
            thread.join()
    total = seen.answers.total()
    tell(Figure(
        benchmark="a version swapped every second", ours=total,
        beside=total + seen.failures.total(),
        against="requests that were sent", unit="answers",
        details={"swaps": swaps.total(), "revisions seen": len(seen.answers),
                 "failures": dict(seen.failures), "answered by a retired version": seen.retired},
    ))  # fmt: skip


if __name__ == "__main__":
    main()
