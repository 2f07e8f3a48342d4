"""How long does a running model server serve a version after somebody rolled it back or killed it?

A model server in a process of its own is asked over one connection, as fast as it answers.  From
the moment when the verb is called until the first answer of the version before (or of the
fallback): the verb itself, its transaction, the plan in the blob store, the server's look at it,
and the swap.

    python benchmarks/roll_back.py [--times 20]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
from report import Figure, arguments, tell

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bucle.base.refs import Ref  # noqa: E402
from bucle.governance.scope import Scope  # noqa: E402
from bucle.governance.session import Session  # noqa: E402
from bucle.lifecycle import serving  # noqa: E402
from bucle.testing.houses import open_test_house  # noqa: E402
from tests.support.linear import make_home, model  # noqa: E402
from tests.support.processes import free_port, stop  # noqa: E402

_LIMIT_S = 1.0
ROW = b'{"heat": 10.0, "city": "here"}'
Change = Callable[[Scope], serving.Deployment]


class Caller:
    """Asks without a pause, and remembers when which variant answered first."""

    def __init__(self, port: int) -> None:
        self.failed = 0
        self.asked = 0
        self._now = ""
        self._changed = threading.Condition()
        self._stop = False
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            self._connection.request("POST", "/predict/demand", ROW)
            answer = self._connection.getresponse()
            content = answer.read()
            self.asked += 1
            self.failed += answer.status != 200
            told = str(msgspec.json.decode(content).get("model", ""))
            if told != self._now:
                with self._changed:
                    self._now = told
                    self._changed.notify_all()

    def wait_for(self, told: str) -> None:
        """Wait until that answers."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._now == told, timeout=30):
                raise TimeoutError(f"{told} does not answer, but {self._now}")

    def close(self) -> None:
        """Stop asking."""
        self._stop = True
        self._thread.join()


def main() -> None:
    """Measure, and print JSON and a line for people."""
    parser = arguments(__doc__)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    times = 5 if given.quick else given.times
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home")
        house = open_test_house(home)
        session = house.session()
        _change(session, lambda scope: serving.serve_version(scope, "demand", model(1)))
        _change(session, _declare)
        port = free_port()
        environ = os.environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)}
        program = subprocess.Popen([sys.executable, "-m", "bucle.interfaces.predict"], cwd=ROOT,
                                   env=environ, stdout=subprocess.PIPE)  # fmt: skip
        try:
            assert program.stdout is not None
            program.stdout.readline()
            caller = Caller(port)
            found = _measure(session, caller, times)
            caller.close()
        finally:
            stop(program)
            house.close()
    rolled, killed = found["roll_back_s"], found["kill_s"]
    print(
        f"the kill switch reaches callers in {killed['median']:.3f} s (worst "
        f"{killed['worst']:.3f}); {caller.failed} of {caller.asked} requests failed",
        file=sys.stderr,
    )
    told = found | {"requests": caller.asked, "failed": caller.failed, "times": times}
    tell(Figure(
        benchmark="roll-back until callers get the version before", ours=rolled["median"],
        beside=_LIMIT_S, against="the limit", unit="s", details=told,
    ))  # fmt: skip


def _measure(session: Session, caller: Caller, times: int) -> dict[str, Any]:
    rolled, killed = [], []
    for _ in range(times):
        _change(session, lambda scope: serving.serve_version(scope, "demand", model(2)))
        caller.wait_for("model:demand@2")
        start = time.perf_counter()
        _change(session, lambda scope: serving.roll_back(scope, "demand", reason="measured"))
        caller.wait_for("model:demand@1")
        rolled.append(time.perf_counter() - start)
        start = time.perf_counter()
        _change(session, lambda scope: serving.kill(scope, "demand", reason="measured"))
        caller.wait_for("fallback:demand")
        killed.append(time.perf_counter() - start)
        _change(session, lambda scope: serving.restore(scope, "demand"))
        caller.wait_for("model:demand@1")
    return {"roll_back_s": _told(rolled), "kill_s": _told(killed)}


def _told(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 4), "worst": round(max(seconds), 4)}


def _declare(scope: Scope) -> serving.Deployment:
    spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
    fallback = serving.Fallback(rule="heat > 900")
    return serving.deploy(scope, msgspec.structs.replace(spec, fallback=fallback))


def _change(session: Session, change: Change) -> None:
    with session.begin() as scope:
        change(scope)
    serving.publish(session)


if __name__ == "__main__":
    main()
