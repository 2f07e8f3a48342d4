"""Model servers in processes of their own, and callers that do not stop asking them."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import msgspec

from tests.support.processes import free_port, stop, wait_until

ROOT = Path(__file__).resolve().parents[2]
ROW = msgspec.json.encode({"heat": 10.0, "city": "here"})
_ADDRESS = re.compile(r"bucle model server: http://\S+:(\d+)")
MODEL_SERVER = ("-m", "bucle.interfaces.predict")


class Program:
    """A program that says where its model server listens."""

    def __init__(self, command: tuple[str, ...], log: Path, settings: dict[str, str]) -> None:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
        ours = {f"BUCLE_{name.upper()}": text for name, text in settings.items()}
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environ | ours, stdout=file, stderr=file
            )
        self.port = 0
        ready = wait_until(lambda: self._is_ready() or self.process.poll() is not None, within_s=90)
        assert ready, self.said
        assert self.port, self.said

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        status, content = self.raw(method, path, body)
        return status, msgspec.json.decode(content)

    def raw(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def predict(self, name: str = "demand") -> dict[str, Any]:
        status, answer = self.ask("POST", f"/predict/{name}", ROW)
        assert status == 200, answer
        return dict(answer)

    def health(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/health")[1])

    def _is_ready(self) -> bool:
        found = _ADDRESS.search(self.said)
        self.port = int(found.group(1)) if found else 0
        return bool(found)


@contextmanager
def running(
    log: Path, *, command: tuple[str, ...] = MODEL_SERVER, **settings: str
) -> Iterator[Program]:
    """Start a program, wait until it listens, and stop it in the end."""
    program: Program | None = None
    try:
        program = Program(command, log, {"predict_port": str(free_port()), **settings})
        yield program
    finally:
        if program is not None:
            stop(program.process)


class Load:
    """Callers that ask one after another, on connections that they keep."""

    def __init__(self, port: int, callers: int = 2, *, reconnects: bool = False) -> None:
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self.cut = 0  # connections that broke off
        self._port = port
        self._reconnects = reconnects
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self, more: int = 30) -> None:
        """Wait until so many more requests were answered."""
        before = len(self.answers)
        assert wait_until(lambda: len(self.answers) >= before + more, within_s=40), self.failures

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict/demand", ROW)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, HTTPException) as error:
                self.cut += 1
                connection.close()
                if not self._reconnects:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    return
                continue
            if answer.status == 200:
                self.answers.append(msgspec.json.decode(content))
            else:
                self.failures.append(f"{answer.status}: {content[:200]!r}")
