import os
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.errors import Unavailable
from bucle.drivers.streams.local import LocalStream
from bucle.drivers.streams.names import plain_name

SENDER = """
import sys
from pathlib import Path
from bucle.drivers.streams.local import LocalStream
stream, number = LocalStream(Path(sys.argv[1])), 0
while True:
    stream.append("t", [b"%d" % place for place in range(number, number + 7)])
    number += 7
    print(number, flush=True)
"""


@pytest.fixture
def stream(tmp_path: Path) -> LocalStream:
    return LocalStream(tmp_path)


def segments(stream: LocalStream) -> list[Path]:
    return sorted((stream.folder / plain_name("t")).glob("*.log"))


def values(stream: LocalStream) -> list[bytes]:
    return [record.value for record in stream.read("t", "", 100_000)]


@pytest.mark.parametrize("lost", [1, 5, 23, 24])
def test_the_half_frame_of_a_killed_writer_is_cut_off_and_overwritten(
    stream: LocalStream, lost: int
) -> None:
    stream.append("t", [b"kept"])
    kept = segments(stream)[0].stat().st_size
    last = stream.append("t", [b"half", b"written"])
    os.truncate(segments(stream)[0], segments(stream)[0].stat().st_size - lost)
    assert values(stream) == [b"kept"]
    assert stream.append("t", [b"new"]) < last
    assert values(stream) == [b"kept", b"new"]
    assert segments(stream)[0].stat().st_size > kept


def test_zeros_that_a_power_cut_left_are_cut_off(stream: LocalStream) -> None:
    stream.append("t", [b"kept"])
    with segments(stream)[0].open("ab") as file:
        file.write(bytes(500))
    stream.append("t", [b"new"])
    assert values(stream) == [b"kept", b"new"]


def test_damage_before_whole_frames_is_said_and_nothing_is_cut(stream: LocalStream) -> None:
    for value in (b"first", b"second", b"third"):
        stream.append("t", [value])
    raw = bytearray(segments(stream)[0].read_bytes())
    raw[raw.index(b"second")] ^= 1
    segments(stream)[0].write_bytes(raw)
    with pytest.raises(Unavailable, match="damaged"):
        stream.append("t", [b"new"])
    assert segments(stream)[0].read_bytes() == bytes(raw)


def test_segments_follow_one_another_and_a_trim_deletes_whole_ones(
    stream: LocalStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bucle.drivers.streams.local._SEGMENT_BYTES", 200)
    for number in range(60):
        stream.append("t", [b"%d" % number])
    assert len(segments(stream)) > 5
    assert values(stream) == [b"%d" % number for number in range(60)]
    upto = stream.read("t", "", 30)[-1].position
    stream.trim("t", upto)
    assert 30 <= stream.count("t") < 60
    assert stream.read("t", upto, 1)[0].value == b"30"


def test_a_segment_that_is_missing_in_the_middle_is_said(
    stream: LocalStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bucle.drivers.streams.local._SEGMENT_BYTES", 100)
    for number in range(20):
        stream.append("t", [b"%d" % number])
    segments(stream)[2].unlink()
    with pytest.raises(Unavailable, match="damaged"):
        values(stream)


def test_a_folder_that_can_not_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="write"):
        LocalStream(tmp_path / "file").append("t", [b"a"])


def test_kill_9_of_a_writer_loses_nothing_that_it_said(stream: LocalStream) -> None:
    for _ in range(3):
        before = stream.count("t")
        sender = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(stream.folder)], stdout=subprocess.PIPE, text=True
        )
        said = [int(sender.stdout.readline()) for _ in range(20)][-1]
        sender.kill()
        said = max([said, *(int(line) for line in sender.stdout.read().split("\n")[:-1])])
        sender.wait()
        mine = values(stream)[before:]
        assert len(mine) >= said
        assert len(mine) % 7 == 0
        assert mine == [b"%d" % number for number in range(len(mine))]
