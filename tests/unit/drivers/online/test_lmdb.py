import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.online import open_online

ROOT = Path(__file__).resolve().parents[4]
MB = 1_000_000


def run(script: str, url: str) -> subprocess.CompletedProcess[str]:
    head = "import os, sys\nfrom bucle.drivers.online import open_online\nurl = sys.argv[1]\n"
    return subprocess.run([sys.executable, "-c", head + script, url], cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=120)  # fmt: skip


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"lmdb://{tmp_path / 'online'}"


@pytest.mark.parametrize("url", ["lmdb:", "lmdb://relative", "sqlite:///x", "", "memory"])
def test_a_url_that_is_wrong_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        open_online(url)


def test_rows_are_there_when_the_store_is_opened_again(url: str) -> None:
    store = open_online(url)
    store.write("t", {b"a": b"1"})
    store.close()
    again = open_online(url)
    assert again.read("t", [b"a"]) == [b"1"]
    again.close()


def test_the_map_grows_when_it_is_full(url: str) -> None:
    store = open_online(url)
    store.write("t", {b"%d" % number: os.urandom(MB) for number in range(150)})
    assert store.count("t") == 150
    store.close()


def test_a_process_sees_what_another_wrote_after_the_map_grew(url: str) -> None:
    store = open_online(url)
    store.write("t", {b"a": b"1"})
    done = run("s = open_online(url); s.write('t', {b'%d' % n: bytes(10**6) for n in range(100)});"
               "s.write('new', {b'b': b'2'})", url)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert store.count("t") == 101
    assert store.read("new", [b"b"]) == [b"2"]
    store.write("t", {b"a": b"3"})
    assert run("print(open_online(url).read('t', [b'a']))", url).stdout == "[b'3']\n"
    store.close()


def test_two_stores_of_one_folder_in_one_process_are_one(url: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    first, second = open_online(url), open_online(f"lmdb://{tmp_path / 'link' / 'online'}")
    first.write("t", {b"a": b"1"})
    first.close()
    first.close()
    assert second.read("t", [b"a"]) == [b"1"]
    second.close()


def test_a_writer_that_is_killed_leaves_whole_writes_only(url: str) -> None:
    script = (
        "import threading; s = open_online(url); s.write('t', {b'turn': b'0'});"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), 9)).start()\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1; s.write('t', {b'turn': b'%d' % n} | {b'%d' % k: b'%d' % n for k in range(99)})"
    )
    assert run(script, url).returncode == -signal.SIGKILL
    store = open_online(url)
    turn, *others = store.read("t", [b"turn", *(b"%d" % number for number in range(99))])
    assert turn == b"0" or set(others) == {turn}
    store.write("t", {b"after": b"x"})
    store.close()


def test_a_store_opened_before_a_fork_says_so(url: str) -> None:
    script = (
        "s = open_online(url); s.write('t', {b'a': b'1'})\n"
        "if os.fork() == 0:\n"
        "    try: s.read('t', [b'a'])\n"
        "    except Exception as error: print(type(error).__name__, error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()"
    )
    said = run(script, url).stdout
    assert said.startswith("Unavailable")
    assert "before a fork" in said


def test_a_folder_that_cannot_be_made_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="lmdb:///proc/bucle"):
        open_online("lmdb:///proc/bucle")


def test_a_damaged_file_is_unavailable_and_the_hint_says_to_materialize_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "online").mkdir()
    (tmp_path / "online" / "data.mdb").write_bytes(b"not a tree" * 1000)
    with pytest.raises(Unavailable) as caught:
        open_online(f"lmdb://{tmp_path / 'online'}")
    assert "materialize again" in caught.value.hint


def test_after_closing_a_read_is_unavailable(url: str) -> None:
    store = open_online(url)
    store.write("t", {b"a": b"1"})
    store.close()
    with pytest.raises(Unavailable):
        store.read("t", [b"a"])


def test_threads_that_open_tables_while_others_write_do_not_wait_for_each_other_for_ever(
    url: str,
) -> None:
    # In a process of its own: LMDB's library can hold the interpreter while it waits.
    script = (
        "import threading; s = open_online(url)\n"
        "def work(n):\n"
        "    for turn in range(30):\n"
        "        s.write(f't{turn}', {b'%d' % n: b'x'}); s.read(f't{turn + 1}', [b'0'])\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(sum(s.count(f't{turn}') for turn in range(30)))"
    )
    assert run(script, url).stdout == "180\n"
