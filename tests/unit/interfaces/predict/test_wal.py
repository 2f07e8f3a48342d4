from pathlib import Path

import pytest

from bucle.interfaces.predict.wal import (
    Answers,
    LoggedField,
    Source,
    WalFile,
    abandoned,
    frame_of,
    frames_in,
)

INPUTS = (LoggedField("heat", "float64"),)
OUTPUTS = (LoggedField("prediction", "float64"),)
SOURCE = Source(0, "default", "deployment:d@1", "model:m@1", "champion", INPUTS, OUTPUTS)


def answers(id_: str) -> Answers:
    return Answers(0, 1, 2, [id_], {"heat": [1.5], "city": ["ñ"]}, {"prediction": [3.0]})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = WalFile(tmp_path / "a-0.wal")
    records = [SOURCE, answers("1"), answers("2")]
    for record in records:
        file.write(frame_of(record))
    assert list(frames_in((tmp_path / "a-0.wal").read_bytes())) == records


@pytest.mark.parametrize("cut", [1, 5, 9, 30])
def test_a_torn_tail_is_left_out(cut: int) -> None:
    content = frame_of(SOURCE) + frame_of(answers("1")) + frame_of(answers("2"))
    assert list(frames_in(content[:-cut])) == [SOURCE, answers("1")]


def test_a_spoilt_frame_ends_the_file() -> None:
    content = bytearray(frame_of(SOURCE) + frame_of(answers("1")))
    content[-1] ^= 1
    assert list(frames_in(bytes(content))) == [SOURCE]


def test_only_files_that_nobody_holds_are_abandoned(tmp_path: Path) -> None:
    held, left = WalFile(tmp_path / "a-0.wal"), WalFile(tmp_path / "b-0.wal")
    left.close()
    assert abandoned(tmp_path) == [tmp_path / "b-0.wal"]
    held.close()
    assert abandoned(tmp_path) == [tmp_path / "a-0.wal", tmp_path / "b-0.wal"]
