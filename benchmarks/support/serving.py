"""Servers pinned to one core, asked by `wrk` on another (Linux; Debian has wrk as a package)."""

import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from support.processes import fine_cpu_s, pss_mb

ROOT = Path(__file__).resolve().parents[2]
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked, again and again."""

    path: str
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None
    numbered: int = 0  # so many requests whose heads differ take turns; 0: one


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server did under load."""

    per_s: float  # answers a second
    per_cpu_s: float  # answers a second of the server's processor time
    cpu_ms_per_1000: float
    p50_ms: float
    p99_ms: float
    failed: int  # answers of another status, and connections that broke
    memory_mb: float

    def as_dict(self) -> dict[str, float]:
        """Return it for a figure's details, rounded."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def pinned(
    command: Sequence[str], port: int, *, ready: str = "", **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on the last core, until it answers; stop it afterwards."""
    core = str((os.cpu_count() or 1) - 1)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - it closes with the server
    process = subprocess.Popen(
        ["taskset", "-c", core, *command],
        cwd=ROOT,
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    try:
        until = time.monotonic() + 120
        while not _answers(port, ready):
            if process.poll() is not None or time.monotonic() > until:
                log.seek(0)
                sys.exit(f"{' '.join(command)} does not serve:\n{log.read().decode()}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, path: str) -> bool:
    if not path:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except (URLError, OSError):
        return False


def once(port: int, ask: Ask) -> bytes:
    """Ask once, and return the body of the answer."""
    headers = {"content-type": ask.content_type, **(ask.headers or {})}
    request = Request(f"http://127.0.0.1:{port}{ask.path}", ask.body or None, headers)
    with urlopen(request, timeout=60) as answer:
        body: bytes = answer.read()
        return body


def load(pid: int, port: int, ask: Ask, *, connections: int, seconds: float) -> Load:
    """Ask on so many connections, each one request after the other, with a second before."""
    if shutil.which("wrk") is None:
        sys.exit("this benchmark needs wrk: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(ask))
        script.flush()
        url = f"http://127.0.0.1:{port}{ask.path}"
        command = ["taskset", "-c", "0", "wrk", "-t1", f"-c{connections}", "--latency",
                   "--timeout", "30s", "-s", script.name]  # fmt: skip
        subprocess.run([*command, "-d1s", url], check=True, stdout=subprocess.DEVNULL)
        before = fine_cpu_s(pid)
        told = subprocess.run(
            [*command, f"-d{math.ceil(seconds)}s", url], check=True, capture_output=True, text=True
        ).stdout
        spent = fine_cpu_s(pid) - before
    requests = int(_found(r"(\d+) requests in", told))
    return Load(
        per_s=float(_found(r"Requests/sec:\s+([\d.]+)", told)),
        per_cpu_s=requests / spent,
        cpu_ms_per_1000=spent * 1e6 / max(requests, 1),
        p50_ms=_ms(_found(r"50%\s+(\S+)", told)),
        p99_ms=_ms(_found(r"99%\s+(\S+)", told)),
        failed=_failures(told),
        memory_mb=pss_mb(pid),
    )


def _script(ask: Ask) -> str:
    lines = ['wrk.method = "POST"', f"wrk.body = {_lua(ask.body)}"] if ask.body else []
    headers = {"content-type": ask.content_type, **(ask.headers or {})}
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    if ask.numbered:
        lines += [
            "local all, at = {}, 0",
            f"init = function() for i = 1, {ask.numbered} do",
            '  wrk.headers["x-request-id"] = string.format("%08d", i)',
            "  all[i] = wrk.format(nil) end end",
            "request = function() at = at % #all + 1; return all[at] end",
        ]
    return "\n".join(lines)


def _lua(content: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in content) + '"'


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "0"


def _ms(text: str) -> float:
    number = re.match(r"([\d.]+)([a-z]*)", text)
    return float(number[1]) * _UNITS.get(number[2], 1.0) if number else 0.0


def _failures(told: str) -> int:
    failed = int(_found(r"Non-2xx or 3xx responses: (\d+)", told))
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told
    )
    return failed + (sum(map(int, errors.groups())) if errors else 0)
