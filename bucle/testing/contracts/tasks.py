"""The functions that the contract of compute runs: apart from it, as tasks need no pytest."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from bucle.base.errors import Refused
from bucle.base.verdict import Verdict


class OddError(Exception):
    """An exception that pickle cannot bring back: it keeps other arguments than it takes."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__("odd one out")
        self.both = left, right


def add(left: int, right: int) -> int:
    """Return the sum."""
    return left + right


def where_it_runs() -> int:
    """Return where this runs."""
    return os.getpid()


def remember(text: str) -> str:
    """Leave a trace in the process's memory, and return all traces."""
    os.environ["BUCLE_CONTRACT_SEEN"] = os.environ.get("BUCLE_CONTRACT_SEEN", "") + text
    return os.environ["BUCLE_CONTRACT_SEEN"]


def is_loaded(module: str) -> bool:
    """Tell whether a module is loaded where this runs."""
    return module in sys.modules


def fail(message: str) -> None:
    """Raise an error of Python's own."""
    raise ValueError(message)


def refuse() -> None:
    """Raise an error of ours, with all it carries."""
    verdict = Verdict(name="mae", ok=False, value=2.0, limit=1.0, note="too high")
    raise Refused("the gate said no", because=[verdict], hint="train longer")


def fail_oddly() -> None:
    """Raise an exception that cannot travel."""
    raise OddError(1, 2)


def leave(code: int) -> None:
    """End as a script would."""
    sys.exit(code)


def vanish(code: int) -> None:
    """End the process without a word."""
    os._exit(code)


def die(number: int) -> None:
    """Die of a signal."""
    os.kill(os.getpid(), number)


def stay(started: str) -> None:
    """Write the process's number into a file and never return."""
    Path(started).write_text(str(os.getpid()), encoding="utf-8")
    threading.Event().wait()


def talk() -> str:
    """Print to both streams, from Python and from a child, and return a variable."""
    print("to stdout")  # noqa: T201 - what is tested
    print("to stderr", file=sys.stderr)  # noqa: T201 - what is tested
    subprocess.run(["echo", "from a child"], check=True)  # noqa: S607 - on any system's path
    return os.environ.get("BUCLE_CONTRACT", "")


def leave_a_child() -> int:
    """Start a program that would outlive its task."""
    return subprocess.Popen(["sleep", "600"]).pid  # noqa: S607 - on any system's path


def work_hard() -> int:
    """Use some processor time and 100 MB."""
    held = np.ones(100_000_000 // 8)
    return sum(int(held[:1000].sum()) for _ in range(2_000))


def return_a_lambda() -> object:
    """Return what cannot be sent."""
    return lambda: 1


def random_number() -> float:
    """Draw from numpy's global generator."""
    return float(np.random.rand())  # noqa: NPY002 - the generator that a fork would repeat
