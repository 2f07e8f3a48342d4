"""Two processes commit to one dataset at once: one wins, the other is told who did."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.lifecycle.data import commit_table, get_version
from bucle.testing.houses import open_test_house

ROOT = Path(__file__).resolve().parents[4]

# Each process prepares its commit, says so, and goes on to write when it is told to.
COMMITTER = textwrap.dedent(
    """
    import sys
    import pyarrow as pa
    from bucle.base.errors import Conflict
    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.data import commit_table

    room = sys.modules["bucle.lifecycle.data.commit"]

    home, url, value = sys.argv[1:]
    session = House(load_settings({"BUCLE_HOME": home, "BUCLE_DATABASE_URL": url})).session()
    judged = room._judged_added
    def waits(*arguments):
        print("ready", flush=True)
        sys.stdin.readline()
        return judged(*arguments)
    room._judged_added = waits
    try:
        made = commit_table(session, "trips", pa.table({"id": [int(value)]}), mode="append")
        print("won", made.ref, flush=True)
    except Conflict as error:
        print("lost", error, flush=True)
    """
)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_of_two_processes_that_commit_at_once_one_wins_and_the_other_is_told(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    url = request.getfixturevalue("postgresql_url") if database == "postgresql" else ""
    url = url or f"sqlite:///{tmp_path / 'bucle.db'}"
    house = open_test_house(tmp_path, database_url=url)
    session = house.session()
    commit_table(session, "trips", pa.table({"id": [0]}))
    programs = [_committer(tmp_path, url, value) for value in (1, 2)]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    said = sorted(program.communicate(timeout=60)[0].strip() for program in programs)
    assert said[0].startswith("lost dataset:trips was committed meanwhile by ")
    assert "it is at dataset:trips@2, and this commit was built upon dataset:trips@1" in said[0]
    assert said[1] == "won dataset:trips@2"
    with session.begin(write=False) as scope:
        assert get_version(scope, "trips").rows == 2
    house.close()


def _committer(home: Path, url: str, value: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(home), url, str(value)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
