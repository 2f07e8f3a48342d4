"""The law of compute: subclass, give a `compute` of two workers, and these tests run against it."""

import os
import signal
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, Refused, Unavailable
from bucle.drivers.compute import Compute, TaskOptions, usage_of_failure
from bucle.testing.contracts import tasks


def is_gone(number: int) -> bool:
    """Tell whether a process has ended, by what Linux says of it."""
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


class ComputeContract:
    """What every `Compute` keeps."""

    @pytest.fixture
    def compute(self) -> Compute:
        raise NotImplementedError("give a fixture `compute` with two workers")

    def test_a_task_returns_its_value_and_what_it_used(self, compute: Compute) -> None:
        outcome = compute.submit(tasks.add, 2, 3).result()
        assert outcome.value == 5
        assert outcome.usage.cpu_s >= 0
        assert outcome.usage.wall_s > 0
        assert outcome.usage.peak_memory_bytes > 1_000_000

    def test_usage_counts_processor_time_and_memory(self, compute: Compute) -> None:
        outcome = compute.submit(tasks.work_hard).result()
        assert outcome.value == 2_000_000
        assert outcome.usage.peak_memory_bytes > 100_000_000
        assert outcome.usage.cpu_s > compute.submit(tasks.add, 1, 1).result().usage.cpu_s

    def test_each_task_has_a_process_of_its_own(self, compute: Compute) -> None:
        first, second = (compute.submit(tasks.where_it_runs).result().value for _ in range(2))
        assert len({first, second, os.getpid()}) == 3

    def test_a_task_sees_no_other_tasks_memory(self, compute: Compute) -> None:
        assert compute.submit(tasks.remember, "a").result().value == "a"
        assert compute.submit(tasks.remember, "b").result().value == "b"
        assert "BUCLE_CONTRACT_SEEN" not in os.environ

    def test_random_numbers_differ_between_tasks(self, compute: Compute) -> None:
        first, second = (compute.submit(tasks.random_number).result().value for _ in range(2))
        assert first != second

    def test_many_tasks_all_come_back(self, compute: Compute) -> None:
        futures = [compute.submit(tasks.add, number, number) for number in range(40)]
        assert [future.result().value for future in futures] == [2 * n for n in range(40)]

    def test_large_arguments_and_values_travel(self, compute: Compute) -> None:
        content = b"x" * 5_000_000
        assert compute.submit(bytes.upper, content).result().value == content.upper()

    def test_an_error_comes_back_with_the_remote_traceback(self, compute: Compute) -> None:
        with pytest.raises(ValueError, match="no such column") as caught:
            compute.submit(tasks.fail, "no such column").result()
        (note,) = caught.value.__notes__
        assert "in fail" in note
        assert "ValueError: no such column" in note
        assert usage_of_failure(caught.value) is not None

    def test_an_error_of_ours_comes_back_whole(self, compute: Compute) -> None:
        with pytest.raises(Refused, match="the gate said no") as caught:
            compute.submit(tasks.refuse).result()
        assert caught.value.hint == "train longer"
        assert [verdict.name for verdict in caught.value.because] == ["mae"]

    def test_an_error_that_cannot_travel_comes_back_in_words(self, compute: Compute) -> None:
        with pytest.raises(RuntimeError, match="OddError: odd one out") as caught:
            compute.submit(tasks.fail_oddly).result()
        assert "in fail_oddly" in caught.value.__notes__[0]

    @pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
    def test_a_killed_task_names_the_signal(self, compute: Compute, name: str) -> None:
        with pytest.raises(Unavailable, match=f"die was killed by {name}") as caught:
            compute.submit(tasks.die, signal.Signals[name].value).result()
        assert usage_of_failure(caught.value) is not None

    def test_a_task_that_ends_itself_is_unavailable(self, compute: Compute) -> None:
        with pytest.raises(Unavailable, match="SystemExit: 3"):
            compute.submit(tasks.leave, 3).result()
        with pytest.raises(Unavailable, match="exit code 7"):
            compute.submit(tasks.vanish, 7).result()

    def test_after_a_crash_the_next_task_runs(self, compute: Compute) -> None:
        futures = [compute.submit(tasks.die, signal.SIGKILL.value) for _ in range(3)]
        wait(futures)
        assert compute.submit(tasks.add, 1, 2).result().value == 3

    def test_a_task_that_outlives_its_time_is_stopped(
        self, compute: Compute, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable, match=r"stay was stopped: it took longer than 0\.5 s"):
            compute.submit(tasks.stay, str(tmp_path / "started"), timeout_s=0.5).result()

    def test_a_task_within_its_time_is_not_stopped(self, compute: Compute) -> None:
        assert compute.submit(tasks.add, 1, 2, timeout_s=60).result().value == 3

    def test_output_is_appended_to_the_file_asked_for(
        self, compute: Compute, tmp_path: Path
    ) -> None:
        path = tmp_path / "output.txt"
        path.write_text("before\n")
        options = TaskOptions(output_path=str(path), environment={"BUCLE_CONTRACT": "seen"})
        assert compute.submit(tasks.talk, options=options).result().value == "seen"
        assert path.read_text().splitlines() == ["before", "to stdout", "to stderr", "from a child"]
        assert "BUCLE_CONTRACT" not in os.environ

    def test_an_output_file_that_cannot_be_written_is_an_error(
        self, compute: Compute, tmp_path: Path
    ) -> None:
        options = TaskOptions(output_path=str(tmp_path / "no" / "folder"))
        with pytest.raises(FileNotFoundError):
            compute.submit(tasks.add, 1, 2, options=options).result()

    def test_what_a_task_started_ends_with_it(self, compute: Compute) -> None:
        if not Path("/proc/self/stat").exists():
            pytest.skip("this system has no /proc")
        child = compute.submit(tasks.leave_a_child).result().value
        # The signal was sent before the result came; the system delivers it when it can.
        pause = threading.Event()
        assert any(is_gone(child) or pause.wait(0.05) for _ in range(400))

    def test_a_function_that_cannot_be_found_by_name_is_invalid(self, compute: Compute) -> None:
        def closure() -> None:
            return None

        for function in (lambda: None, closure):
            with pytest.raises(Invalid, match="cannot be sent") as caught:
                compute.submit(function)
            assert "top of a module" in caught.value.hint

    def test_an_argument_that_cannot_be_pickled_is_invalid(self, compute: Compute) -> None:
        with pytest.raises(Invalid, match="cannot be sent"):
            compute.submit(print, threading.Lock())

    def test_a_value_that_cannot_be_pickled_is_invalid(self, compute: Compute) -> None:
        with pytest.raises(Invalid, match="cannot be sent back"):
            compute.submit(tasks.return_a_lambda).result()

    def test_a_waiting_task_can_be_cancelled(self, compute: Compute, tmp_path: Path) -> None:
        running = [
            compute.submit(tasks.stay, str(tmp_path / str(n)), timeout_s=1) for n in range(2)
        ]
        waiting = compute.submit(tasks.add, 1, 2)
        assert waiting.cancel()
        wait(running)
        assert compute.submit(tasks.add, 1, 2).result().value == 3

    def test_closing_stops_what_runs_and_cancels_what_waits(
        self, compute: Compute, tmp_path: Path
    ) -> None:
        running = [compute.submit(tasks.stay, str(tmp_path / str(number))) for number in range(2)]
        waiting = compute.submit(tasks.add, 1, 2)
        while not all((tmp_path / str(number)).exists() for number in range(2)):
            wait(running, timeout=0.01)
        compute.close()
        assert waiting.cancelled()
        for future in running:
            assert isinstance(future.exception(), Unavailable)
        with pytest.raises(Unavailable, match="closed"):
            compute.submit(tasks.add, 1, 2)
