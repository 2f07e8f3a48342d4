# ruff: noqa: T201 - printing is what is tested
"""A run keeps its output and its vitals without a word."""

import logging
import os
import sys

import pytest

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.captures import Console, read_console, vitals
from bucle.interfaces.client.captures.vitals import vitals_between
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.spool import sync
from bucle.testing.houses import open_test_house
from tests.support.lines import Line
from tests.support.processes import wait_until


@pytest.fixture
def client(tmp_path):
    house = open_test_house(tmp_path / "there")
    yield Client(Line(InProcess(house.session()), tmp_path / "here"))
    house.close()


def test_what_a_block_writes_is_kept_and_still_written(client, capsys):
    with sdk.run("train", client=client) as run:
        print("epoch 1")
        logging.StreamHandler(sys.stderr).emit(logging.makeLogRecord({"msg": "careful"}))
        print("10 %\r20 %\r100 %")
    print("after")
    assert run.read_artifact("console.txt") == b"epoch 1\ncareful\n100 %\n"
    assert capsys.readouterr().out == "epoch 1\n10 %\r20 %\r100 %\nafter\n"


def test_output_of_a_run_inside_a_run_is_kept_by_both(client):
    with sdk.run("outer", client=client) as outer:
        print("outer")
        with sdk.run("inner", client=client) as inner:
            print("inner")
    assert inner.read_artifact("console.txt") == b"inner\n"
    assert outer.read_artifact("console.txt") == b"outer\ninner\n"


@pytest.mark.parametrize("how", ["option", "setting"])
def test_output_is_not_kept_where_that_is_not_wanted(client, monkeypatch, how):
    options = sdk.RunOptions(console=False if how == "option" else None)
    if how == "setting":
        monkeypatch.setenv("BUCLE_CAPTURE_CONSOLE", "false")
    before = sys.stdout
    with sdk.run("train", client=client, options=options) as run:
        assert sys.stdout is before
        print("secret")
    with pytest.raises(NotFound):
        run.read_artifact("console.txt")


def test_much_output_keeps_its_beginning_and_its_end(tmp_path):
    console = Console(tmp_path)
    for number in range(300_000):
        console.write(f"{number:07d}\n")
    console.close()
    kept = read_console(tmp_path)
    assert len(kept) < 1_200_000
    assert kept.startswith(b"0000000\n0000001\n")
    assert kept.endswith(b"0299999\n")
    assert b"bytes are left out here" in kept


def test_the_output_of_a_killed_process_comes_with_its_spool(client):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        run = sdk.run("train", client=client)
        client.transport.is_cut = True
        os.write(writing, run.ref.name.encode())
        with run:
            print("the last words")
            os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    ref = Ref("run", os.read(reading, 64).decode())
    assert sync(client).delivered == (ref,)
    (artifact,) = client.call("tracking.artifacts", ref=ref)
    assert client.get_content(artifact.digest) == b"the last words\n"


def test_vitals_are_what_was_used_between_two_looks():
    before = Usage(cpu_s=1.0, wall_s=10.0, peak_memory_bytes=0, gpu_s=2.0)
    now = Usage(cpu_s=16.0, wall_s=20.0, peak_memory_bytes=0, gpu_s=7.0)
    assert vitals_between(before, now, 300) == {
        "system/cpu_share": 1.5,
        "system/memory_bytes": 300.0,
        "system/gpu_share": 0.5,
    }


def test_a_run_that_goes_on_logs_its_vitals(client, monkeypatch):
    monkeypatch.setattr(vitals, "PERIOD_S", 0.02)
    with sdk.run("train", client=client) as run:
        assert wait_until(lambda: "system/cpu_share" in run.record.metrics, within_s=20)
    assert run.record.metrics["system/memory_bytes"] > 1e6
