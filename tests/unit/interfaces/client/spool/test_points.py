"""Rows of points outlive whoever wrote them."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from bucle.interfaces.client.spool import points
from bucle.interfaces.client.spool.points import PointWriter, count_rows, drop_rows, read_rows
from tests.docs.readme import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from bucle.interfaces.client.spool.points import PointWriter
writer = PointWriter(Path(sys.argv[1]))
for step in range(3_000):
    writer.add(1, step, 5, step / 2)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_is_read_across_files(tmp_path):
    writer = PointWriter(tmp_path)
    for step in range(6_000):
        writer.add(1, step, 7, 0.5)
    assert writer.count == count_rows(tmp_path) == 6_000
    assert len(list(tmp_path.iterdir())) == 3
    rows = read_rows(tmp_path, 500, 5_500)
    assert rows["step"].tolist() == list(range(500, 5_500))
    assert set(rows["value"].tolist()) == {0.5}


def test_every_row_of_a_call_that_returned_outlives_kill_9(tmp_path):
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert count_rows(tmp_path) == 3_000
    assert read_rows(tmp_path, 0, 3_000)["step"].tolist() == list(range(3_000))


def test_rows_of_one_call_stand_in_one_file_however_many(tmp_path):
    writer = PointWriter(tmp_path)
    writer.add(1, 0, 0, 0.0)
    writer.add(*[cell for step in range(5_000) for cell in (2, step, 0, 1.0)])
    writer.add_columns(3, np.arange(10_000), 9, np.ones(10_000))
    assert count_rows(tmp_path) == 15_001
    rows = read_rows(tmp_path, 0, 15_001)
    assert rows["code"].tolist() == [1] + [2] * 5_000 + [3] * 10_000
    assert rows["step"][5_001:].tolist() == list(range(10_000))


def test_rows_before_a_number_are_dropped_file_by_file(tmp_path):
    writer = PointWriter(tmp_path)
    writer.add_columns(1, np.arange(6_000), 9, np.ones(6_000))
    drop_rows(tmp_path, 5_000)
    assert len(list(tmp_path.iterdir())) == 2
    assert read_rows(tmp_path, 5_000, 6_000)["step"].tolist() == list(range(5_000, 6_000))


def test_a_file_that_was_being_made_holds_nothing(tmp_path):
    writer = PointWriter(tmp_path)
    writer.add(1, 0, 0, 0.0)
    (tmp_path / "points-000000000000001").write_bytes(b"")
    assert count_rows(tmp_path) == 1


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    writer = PointWriter(tmp_path)
    for step in range(1 << 10):
        writer.add(1, step, 0, 0.0)
    full = OSError(28, "No space left on device")

    def refuse(*_):
        raise full

    monkeypatch.setattr(points.os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space"):
        writer.add(1, 1, 0, 0.0)
    assert writer.count == count_rows(tmp_path) == 1 << 10
    monkeypatch.undo()
    writer.add(1, 1, 0, 0.0)
    assert count_rows(tmp_path) == (1 << 10) + 1
