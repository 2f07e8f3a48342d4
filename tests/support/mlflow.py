"""The suites `tests/mlflow_client` and `tests/mlflow_access`, where only an MLflow client is.

The clients live in environments of their own: their dependencies contradict ours, and a test that
could import `bucle` would prove less.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import pytest

from tests.support.absent import ON_CI, missing
from tests.support.processes import free_port, stop, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = ROOT / "tests" / "mlflow_client"
ACCESS = ROOT / "tests" / "mlflow_access"
MAJORS = (3, 2)


# What purges purges everything that was deleted: this module runs when the others have ended.
ALONE = ("test_purge.py",)
# Hundreds of megabytes are not in the clients' lock: this module runs where somebody has them.
TORCH = ("test_torch.py",)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A running `mlflow server`: its address, and the command that purges its store."""

    url: str
    purge: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test of the suite as it went: passed, skipped, or failed with its story."""

    name: str
    outcome: str
    story: str


def client_environment(major: int) -> Path:
    """Return the environment of a client: `make clients` makes it, on CI this does."""
    told = os.environ.get(f"MLFLOW{major}_CLIENT")
    found = Path(told) if told else ROOT / f".venv-mlflow{major}"
    if not (found / "bin" / "python").exists() and ON_CI and not told:
        subprocess.run(["make", f".venv-mlflow{major}/.installed"], cwd=ROOT, check=True)
    if not (found / "bin" / "python").exists():
        missing(f"no mlflow {major}.x client in {found.name}: make clients")
    return found


def torch_environment() -> Path:
    """Return an environment with an MLflow client, torch and lightning, or skip the test."""
    told = os.environ.get("MLFLOW_TORCH_CLIENT")
    found = Path(told) if told else ROOT / ".venv-mlflow3"
    for name in ("mlflow", "torch", "lightning"):
        if not list(found.glob(f"lib/python*/site-packages/{name}")):
            pytest.skip(
                f"no {name} in {found.name}: MLFLOW_TORCH_CLIENT names an environment that has "
                f"mlflow, torch, lightning, pytest and requests"
            )
    return found


def run_suite(
    environment: Path,
    uri: str,
    report: Path,
    *,
    token: str = "",
    chosen: Sequence[str] = (),
    purge: str = "",
) -> list[Case]:
    """Run the suite in a client's environment against a server; return how each test went.

    `chosen` names modules of the suite; all of them where it is empty.  `purge` is a command that
    forgets for good what was deleted at the server; with it, what needs it runs afterwards.
    """
    said = {"MLFLOW_TRACKING_URI": uri} | ({"MLFLOW_TRACKING_TOKEN": token} if token else {})
    whole = [str(SUITE), *(f"--ignore={SUITE / name}" for name in (*ALONE, *TORCH))]
    cases = run_tests(environment, [str(SUITE / name) for name in chosen] or whole, report, said)
    if purge:
        alone = [str(SUITE / name) for name in ALONE]
        said["MLFLOW_SUITE_PURGE"] = purge
        cases += run_tests(environment, alone, report, said, workers=0)
    return cases


def run_tests(
    environment: Path,
    arguments: Sequence[str],
    report: Path,
    said: Mapping[str, str],
    *,
    workers: int = 2,
) -> list[Case]:
    """Run pytest in a client's environment, where `said` is all that it is told of the server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "BUCLE_", "PYTEST_", "PYTHON"))
    }
    has_xdist = any(environment.glob("lib/python*/site-packages/xdist"))
    cores = ["-n", str(workers)] if has_xdist else []
    done = subprocess.run(
        [environment / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
         *cores, f"--junitxml={report}", *arguments],
        cwd=report.parent, env={**kept, **said}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in {0, 1}, f"the suite did not run:\n{done.stdout}\n{done.stderr}"
    return list(_cases(report))


def _cases(report: Path) -> Iterator[Case]:
    for told in ET.parse(report).getroot().iter("testcase"):
        name = f"{told.get('classname')}::{told.get('name')}"
        for outcome in ("failure", "error", "skipped"):
            if (mark := told.find(outcome)) is not None:
                yield Case(name=name, outcome=outcome, story=mark.text or "")
                break
        else:
            yield Case(name=name, outcome="passed", story="")


def tell(cases: Sequence[Case], subtests: pytest.Subtests) -> None:
    """Report each failure as its own; nothing may be skipped for our server's sake."""
    assert any(case.outcome == "passed" for case in cases)
    skipped = [case for case in cases if case.outcome == "skipped"]
    assert [case.name for case in skipped if "has no such call" not in case.story] == []
    for case in cases:
        if case.outcome in {"failure", "error"}:
            with subtests.test(case.name):
                pytest.fail(case.story, pytrace=False)


@contextmanager
def peer(environment: Path, home: Path) -> Iterator[Peer]:
    """Start `mlflow server` on SQLite with proxied artifacts; yield it when it takes requests."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    mlflow = [str(environment / "bin" / "python"), "-m", "mlflow"]
    stores = [
        "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}",
        "--artifacts-destination", str(home / "artifacts"),
    ]  # fmt: skip
    program = [
        *mlflow, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *stores
    ]  # fmt: skip
    environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            program, cwd=home, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _healthy(url) or process.poll() is not None, within_s=300)
        assert _healthy(url), f"mlflow server did not start:\n{(home / 'server.log').read_text()}"
        yield Peer(url=url, purge=shlex.join([*mlflow, "gc", *stores, "--tracking-uri", url]))
    finally:
        with suppress(ProcessLookupError):  # its workers outlive the program that started them
            os.killpg(process.pid, signal.SIGTERM)
        stop(process)


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def compare_with_peer(home: Path) -> int:
    """Run the suite of both clients against `mlflow server`; print what failed, return how many."""
    failures = 0
    with peer(client_environment(3), home) as server:
        for major in MAJORS:
            report = home / f"client{major}.xml"
            cases = run_suite(client_environment(major), server.url, report, purge=server.purge)
            bad = [case for case in cases if case.outcome in {"failure", "error"}]
            passed = sum(case.outcome == "passed" for case in cases)
            skipped = sum(case.outcome == "skipped" for case in cases)
            sys.stdout.write(
                f"mlflow {major}.x client: {passed} passed, {skipped} skipped, {len(bad)} failed\n"
            )
            for case in bad:
                sys.stdout.write(f"  {case.name}\n{case.story}\n")
            failures += len(bad)
    return failures
