"""Kill -9 on either side of the wire: nothing that was said is lost, nothing counts twice."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bucle.base.codec import decode
from bucle.base.refs import Ref
from bucle.interfaces.client import connect
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.spool import Synced, sync
from tests.support import postgresql
from tests.support.processes import wait_until
from tests.support.servers import killable_server, server

QUIET = sdk.RunOptions(capture=False, console=False, vitals=False)
TRAINING = """
import sys, time
import bucle
run = bucle.run("train", params={"depth": 3})
run.log_artifact({"rows": 5}, "report")
step = 0
while True:
    run.log_metric("loss", step, step=step)
    run.log_metrics({"auc": step / 2, "mae": -step}, step=step)
    step += 1
    if step % 100 == 0:
        print(run.ref, step, flush=True)
        time.sleep(0.002)
"""


def client_environ(tmp_path, url, token):
    return os.environ | {
        "BUCLE_HOME": str(tmp_path / "here"),
        "BUCLE_SERVER_URL": url,
        "BUCLE_TOKEN": token,
    }


def killed_training(environ, *, after_s):
    """Train until kill -9; return the run, and how many steps it said it had logged."""
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING], env=environ, stdout=subprocess.PIPE, text=True
    )
    first = training.stdout.readline()
    threading.Event().wait(after_s)
    training.send_signal(signal.SIGKILL)
    lines = [first, *training.stdout.read().splitlines()]
    training.wait()
    whole = [line.split() for line in lines if len(line.split()) == 2]
    return Ref.parse(whole[-1][0]), int(whole[-1][1])


def synced(environ):
    """Type `bucle tracking sync --json`."""
    done = subprocess.run([sys.executable, "-m", "bucle", "tracking", "sync", "--json"],
                          env=environ, check=False, capture_output=True, text=True)  # fmt: skip
    return done.returncode, decode(done.stdout, Synced)


def steps_of(client, ref, name="loss"):
    return list(client.call("tracking.points", ref=ref, name=name).steps)


def test_a_client_that_is_killed_in_mid_run_loses_nothing_that_it_said(tmp_path):
    with server(tmp_path / "there") as there:
        environ = client_environ(tmp_path, there.url, there.token)
        ref, said = killed_training(environ, after_s=2.5)
        code, told = synced(environ)
        assert (code, told.delivered, told.refused) == (0, (ref,), ())
        assert synced(environ)[1].delivered == ()
        with connect(there.url, token=there.token) as client:
            for name in ("loss", "auc", "mae"):
                steps = steps_of(client, ref, name)
                assert steps == list(range(len(steps)))
                assert said <= len(steps) <= said + 100
            run = client.call("tracking.get", ref=ref)
            assert (run.status, run.params) == ("killed", {"depth": 3})
            assert [a.path for a in client.call("tracking.artifacts", ref=ref)] == ["report.json"]


def test_a_run_that_finds_no_server_is_delivered_when_there_is_one(tmp_path):
    with killable_server(tmp_path / "there") as there:
        environ = client_environ(tmp_path, there.url, there.token())
        ref, said = killed_training(environ, after_s=1.0)
        code, told = synced(environ)
        assert (code, told.delivered, len(told.left)) == (9, (), 1)
        there.start()
        two = [subprocess.Popen([sys.executable, "-m", "bucle", "tracking", "sync"], env=environ)
               for _ in range(2)]  # fmt: skip
        assert [process.wait() for process in two] == [0, 0]
        with connect(there.url, token=environ["BUCLE_TOKEN"]) as client:
            steps = steps_of(client, ref)
    assert steps == list(range(len(steps)))
    assert len(steps) >= said


def test_a_server_that_is_killed_under_load_keeps_what_it_acknowledged_and_doubles_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "here"))
    with killable_server(tmp_path / "there") as there:
        token = there.token()
        there.start()
        done = threading.Event()

        def kill_again_and_again():
            for _ in range(3):
                done.wait(1.0)
                there.kill()
                there.start()
            done.set()

        killer = threading.Thread(target=kill_again_and_again)
        with connect(there.url, token=token) as client:
            logged = log_until(done, client, killer)
            assert sync(client).left == ()
            check(client, logged)


@pytest.mark.service
def test_postgresql_that_is_restarted_under_load_loses_and_doubles_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "here"))
    with postgresql.restartable_server() as (url, restart):
        text = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with server(tmp_path / "there", database_url=text) as there:
            done = threading.Event()

            def restart_again_and_again():
                for _ in range(3):
                    done.wait(1.0)
                    restart()
                done.set()

            restarter = threading.Thread(target=restart_again_and_again)
            with connect(there.url, token=there.token) as client:
                logged = log_until(done, client, restarter)
                assert sync(client).left == ()
                check(client, logged)
            assert "bug " not in there.log.read_text()


def test_eight_clients_at_once_lose_and_double_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "here"))
    with server(tmp_path / "there") as there:
        environ = client_environ(tmp_path, there.url, there.token)
        program = (
            "import bucle\n"
            "with bucle.run('one of eight') as run:\n"
            "    for step in range(20_000):\n"
            "        run.log_metric('loss', step, step=step)\n"
            "print(run.ref)\n"
        )
        eight = [subprocess.Popen([sys.executable, "-c", program], env=environ, text=True,
                                  stdout=subprocess.PIPE) for _ in range(8)]  # fmt: skip
        refs = [process.communicate()[0].strip() for process in eight]
        assert [process.returncode for process in eight] == [0] * 8
        with connect(there.url, token=there.token) as client:
            for ref in refs:
                assert steps_of(client, ref) == list(range(20_000))
                assert client.call("tracking.get", ref=ref).status == "finished"


def log_until(done, client, disturber):
    """Log while something disturbs; return the run and how many steps it logged."""
    with sdk.run("train", client=client, options=QUIET) as run:
        run.log_metric("loss", 0, step=0)
        run.flush()
        disturber.start()
        step = 1
        while not done.is_set():
            run.log_metric("loss", step, step=step)
            step += 1
            if step % 200 == 0:
                time.sleep(0.001)
        disturber.join()
    return run.ref, step


def check(client, logged):
    """Check that every point is there, once, and that the run ended."""
    ref, count = logged
    assert wait_until(lambda: client.call("tracking.get", ref=ref).ended, within_s=5)
    assert steps_of(client, ref) == list(range(count))
    (summary,) = client.call("tracking.metrics", ref=ref)
    assert summary.count == count
