"""What the contract cannot see: scripts, killed callers, killed servers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.compute import open_compute
from bucle.drivers.compute.process import ProcessCompute
from bucle.testing.contracts import tasks
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[4]
HEAD = """
import os, signal, sys
from pathlib import Path
from bucle.drivers.compute import open_compute
from bucle.testing.contracts import tasks

def double(number):
    return 2 * number

"""


def run_script(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    script = folder / "my script.py"
    script.write_text(HEAD + body)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, str(script)], cwd=folder, env=environ, check=False,
                          capture_output=True, text=True)  # fmt: skip


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    "url",
    ["", "process", "ray:", "process:x", "process://host", "process:?workers=0",
     "process:?workers=many", "process:?wrkers=2"],
)  # fmt: skip
def test_a_url_that_is_wrong_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        open_compute(url)


def test_a_function_of_the_callers_script_runs(tmp_path: Path) -> None:
    done = run_script(tmp_path, """
if __name__ == "__main__":
    compute = open_compute("process:?workers=1")
    print([compute.submit(double, number).result().value for number in (1, 2)])
    compute.close()
""")  # fmt: skip
    assert done.stdout == "[2, 4]\n", done.stderr


def test_a_script_without_a_guard_is_told_about_it(tmp_path: Path) -> None:
    done = run_script(tmp_path, """
compute = open_compute("process:?workers=1")
try:
    compute.submit(double, 1).result()
except Exception as error:
    print(type(error).__name__, error.hint)
""")  # fmt: skip
    assert done.stdout == "Invalid put what starts tasks under: if __name__ == '__main__':\n"


def test_a_prompts_function_is_invalid_and_the_hint_says_where_to_put_it() -> None:
    body = """
compute = open_compute("process:?workers=1")
try:
    compute.submit(double, 1)
except Exception as error:
    print(type(error).__name__, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", HEAD + body], cwd=ROOT, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout == "Invalid write it in a module (a .py file) and import it\n", done.stderr


def test_a_script_that_ends_takes_its_tasks_along(tmp_path: Path) -> None:
    done = run_script(tmp_path, """
if __name__ == "__main__":
    compute = open_compute("process:?workers=1")
    compute.submit(tasks.stay, "started")
    while not Path("started").exists() or not Path("started").read_text():
        pass
""")  # fmt: skip
    assert done.returncode == 0, done.stderr
    task = int((tmp_path / "started").read_text())
    assert wait_until(lambda: not is_alive(task), within_s=20)


def test_tasks_die_when_their_caller_is_killed(tmp_path: Path) -> None:
    done = run_script(tmp_path, """
if __name__ == "__main__":
    compute = open_compute("process:?workers=2")
    for name in ("one", "two"):
        compute.submit(tasks.stay, name)
    for name in ("one", "two"):
        while not Path(name).exists() or not Path(name).read_text():
            pass
    print(compute._server._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
""")  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    processes = [int((tmp_path / name).read_text()) for name in ("one", "two")]
    processes.append(int(done.stdout))
    assert wait_until(lambda: not any(map(is_alive, processes)), within_s=20)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_tasks_die_with_a_killed_fork_server_and_the_next_one_gets_a_new_server(
    tmp_path: Path,
) -> None:
    compute = ProcessCompute(workers=1, preload=[])
    started = tmp_path / "started"
    future = compute.submit(tasks.stay, str(started))
    assert wait_until(lambda: started.exists() and bool(started.read_text()), within_s=20)
    assert compute._server is not None
    compute._server._process.kill()
    assert "fork server ended" in str(future.exception())
    assert wait_until(lambda: not is_alive(int(started.read_text())), within_s=20)
    assert compute.submit(tasks.add, 1, 2).result().value == 3
    compute.close()


def test_what_is_preloaded_is_there_when_a_task_starts() -> None:
    compute = open_compute("process:?workers=1&preload=wave,no_such_module_exists")
    try:
        assert compute.submit(tasks.is_loaded, "wave").result().value is True
        assert compute.submit(tasks.is_loaded, "sndhdr").result().value is False
    finally:
        compute.close()


def test_no_file_descriptor_is_left_open() -> None:
    compute = open_compute("process:?workers=2&preload=")
    compute.submit(tasks.add, 1, 2).result()
    before = open_files()
    for number in range(10):
        compute.submit(tasks.add, number, 1).result()
    after = open_files()
    compute.close()
    assert after <= before
