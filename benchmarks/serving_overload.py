"""Ten times what the model server can do is offered for a minute: what is still answered, and how.

    python benchmarks/serving_overload.py [--quick] [--times 10]

The model is a forest of 100 trees that scikit-learn itself runs, asked for 200 rows at a time, so
that ten times the capacity is what one core can offer.  First the capacity is measured with 64
connections that wait for their answers; then requests are sent by the clock, whether or
not earlier ones were answered, each on a connection that is free.  Goodput is what was answered
with status 200; the rest has to be refused at once (429 or 503 with Retry-After) or, if it
waited for too long, given up (504).  The server has one core and the callers the other.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import uvloop
from report import Figure, arguments, tell
from serving_http import our_server
from support.processes import fine_cpu_s, pss_mb
from support.serving import Ask, load
from support.serving_home import columns_body, prepare

CASE = "forest-plain"
OBJECTIVE_S = 1.0  # how long a request may wait, where a deployment does not say
_TICK_S = 0.002
_CONNECTIONS = 4000
_ROWS = 200


class Seen:
    """What came back."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.accepted_s: list[float] = []
        self.without_retry = 0
        self.broken = 0
        self.is_over = False
        self.unsent = 0  # no connection was free: the callers could not offer more


class Caller(asyncio.Protocol):
    """A connection with one request at a time."""

    def __init__(self, seen: Seen, free: list["Caller"]) -> None:
        self._seen = seen
        self._free = free
        self._sent_at = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be free."""
        self._transport = transport
        self._free.append(self)

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._sent_at = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Note an answer that is complete."""
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not mark or len(body) < int(length):
            return
        self._received = b""
        status = head[9:12].decode()
        self._seen.statuses[status] += 1
        if status == "200":
            self._seen.accepted_s.append(time.perf_counter() - self._sent_at)
        elif status in {"429", "503"} and b"retry-after" not in head.lower():
            self._seen.without_retry += 1
        self._free.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Count it: the server has no reason to close one."""
        self._seen.broken += not self._seen.is_over


async def offer(port: int, request: bytes, per_s: float, seconds: float) -> Seen:
    """Send so many requests a second, by the clock."""
    loop, seen, free = asyncio.get_running_loop(), Seen(), list[Caller]()
    count = min(_CONNECTIONS, max(64, int(per_s)))
    for _ in range(count):
        await loop.create_connection(lambda: Caller(seen, free), "127.0.0.1", port)
    began, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        due = int(passed * per_s) - sent
        sent += due
        for _ in range(due):
            if free:
                free.pop().ask(request)
            else:
                seen.unsent += 1
        await asyncio.sleep(_TICK_S)
    await asyncio.sleep(2 * OBJECTIVE_S)
    seen.is_over = True
    return seen


def main() -> None:
    """Measure the capacity, then offer more."""
    parser = arguments(__doc__)
    parser.add_argument("--times", type=float, default=10.0)
    asked = parser.parse_args()
    seconds = 10.0 if asked.quick else 60.0
    ask = Ask(path=f"/v2/models/{CASE}/infer", body=columns_body(_ROWS))
    head = f"POST {ask.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(ask.body)}\r\n\r\n".encode() + ask.body
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        home = Path(name) / "home"
        prepare(home, only=(CASE,))
        with our_server(home) as (pid, port):
            capacity = load(pid, port, ask, connections=64, seconds=seconds / 4)
            per_s = capacity.per_s * asked.times
            # The first part fills queues and pools; from then on memory must not grow.
            memory_mb = [pss_mb(pid)]
            uvloop.run(offer(port, request, per_s, seconds / 4))
            memory_mb.append(pss_mb(pid))
            spent = fine_cpu_s(pid)
            seen = uvloop.run(offer(port, request, per_s, seconds))
            spent = fine_cpu_s(pid) - spent
            memory_mb.append(pss_mb(pid))
    accepted = sorted(seen.accepted_s)
    if not accepted:
        sys.exit(f"nothing was answered: {seen.statuses}")
    tell(Figure(
        benchmark=f"overload, {asked.times:g} times the capacity",
        ours=len(accepted) / seconds, beside=capacity.per_s, against="its own capacity",
        unit="good answers per second",
        details={
            "statuses": dict(seen.statuses), "not offered": seen.unsent, "broken": seen.broken,
            "without retry-after": seen.without_retry,
            "accepted_p50_s": round(accepted[len(accepted) // 2], 3),
            "accepted_p99_s": round(accepted[int(len(accepted) * 0.99)], 3),
            "objective_s": OBJECTIVE_S, "memory_mb": memory_mb,
            "good_per_cpu_s": round(len(accepted) / spent, 1), "offered_per_s": round(per_s, 1),
            "capacity": capacity.as_dict(),
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
