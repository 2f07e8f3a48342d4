from pathlib import Path

from bucle.interfaces.predict.exchange import Neighbours

TEXT = b"# TYPE asked_total counter\nasked_total 3\n"


def test_each_answers_for_all_and_the_dead_are_counted(tmp_path: Path) -> None:
    ours = Neighbours(tmp_path, 0)
    (tmp_path / "1-999999999.prom").write_bytes(TEXT)  # no process has this number
    assert ours.together(TEXT) == TEXT.replace(b"3", b"6")
    assert ours.living() == 1


def test_a_request_to_hand_logs_over_is_carried_out_once(tmp_path: Path) -> None:
    ours = Neighbours(tmp_path, 0)
    ours.publish(TEXT)
    assert ours.flush_due() == 0
    number = ours.ask_flush()
    assert ours.still_flushing(number) == 1
    assert ours.flush_due() == number
    ours.flushed(number)
    assert (ours.flush_due(), ours.still_flushing(number)) == (0, 0)


def test_a_worker_that_is_started_later_owes_nothing_for_before(tmp_path: Path) -> None:
    Neighbours(tmp_path, 0).ask_flush()
    assert Neighbours(tmp_path, 1).flush_due() == 0


def test_a_folder_that_takes_nothing_is_said(tmp_path: Path) -> None:
    ours = Neighbours(tmp_path / "gone", 0)
    ours.publish(TEXT)
    assert "can not be written" in ours.problem
