"""Kill -9 at every step of a materialization: nothing half-written is seen or stays behind."""

import random
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    OnlineView,
    materialize,
    online_view,
    read_online,
    register_view,
    training_set,
)
from bucle.lifecycle.features.online import tables_of
from bucle.testing.houses import START, open_test_house

DAY = timedelta(days=1)
CARDS, ROWS_PER_WRITE = 200, 70
UNTIL = START + 4 * DAY
VIEW = FeatureView(
    name="spending",
    entity=Entity(name="card", keys=("card",)),
    source="payments",
    time="at",
    columns=("amount",),
    aggregations=(
        Aggregation(function="count", window="1d"),
        Aggregation(function="mean", column="amount", window="7d"),
    ),
    owner="me",
    description="Spending",
)
# A process that materializes and kills itself after so many steps in the online store.
CHILD = """
import os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
from bucle.lifecycle.features import hold, materialize, pack
from bucle.testing.houses import open_test_house

module = sys.modules["bucle.lifecycle.features.materialize"]
pack.ROWS_PER_WRITE = int(sys.argv[3])
hold.LASTS = timedelta(0)  # so that nobody waits for what is dead
house = open_test_house(Path(sys.argv[1]))
session = house.session()
store, left = session.drivers.online, [int(sys.argv[2])]

def dying(act):
    def call(*given):
        act(*given)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return call

for name in ("write", "clear", "delete"):
    setattr(store, name, dying(getattr(store, name)))
if left[0] == 0:
    module._prepared = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
materialize(session, "spending", datetime.fromisoformat(sys.argv[4]))
"""


def payments(seed: int, first: int, *, day: float) -> pa.Table:
    rng = random.Random(seed)
    cards = list(range(first, first + CARDS)) * 2
    return pa.table({
        "card": cards,
        "at": [START + timedelta(days=day + rng.random()) for _ in cards],
        "amount": [rng.uniform(1, 90) for _ in cards],
    })  # fmt: skip


def begun(folder: Path, kind: str) -> None:
    """Prepare an installation whose next materialization is the first, a step, or anew."""
    house = open_test_house(folder)
    session = house.session()
    commit_table(session, "payments", payments(1, 0, day=0))
    with session.begin() as scope:
        register_view(scope, VIEW)
    if kind != "first":
        materialize(session, "spending", START + DAY)
    if kind == "step":
        commit_table(session, "payments", payments(2, 0, day=2), mode="append")
    if kind == "anew":  # half of the cards are others
        commit_table(session, "payments", payments(3, CARDS // 2, day=2))
    house.close()


def reader(session: Session) -> OnlineView:
    with session.begin(write=False) as scope:
        ref = register_view(scope, VIEW).ref
    return online_view(VIEW, ref, session.project)


def online(session: Session) -> list[dict[str, Any]]:
    keys = [(card,) for card in range(2 * CARDS)]
    return read_online(session.drivers.online, reader(session), keys, UNTIL)


def offline(session: Session) -> list[dict[str, Any]]:
    cards = list(range(2 * CARDS))
    asked = pa.table({"card": cards, "at": [UNTIL] * len(cards)})
    return training_set(session, asked, [VIEW]).select(list(VIEW.features)).to_pylist()


def killed(home: Path, after: int) -> bool:
    """Materialize in a process that dies after so many steps; tell whether it did."""
    arguments = [str(home), str(after), str(ROWS_PER_WRITE), UNTIL.isoformat()]
    ran = subprocess.run([sys.executable, "-c", CHILD, *arguments], check=False,
                         capture_output=True, text=True)  # fmt: skip
    assert ran.returncode in {0, -signal.SIGKILL}, ran.stderr
    return ran.returncode != 0


@pytest.mark.parametrize(("kind", "steps"), [("first", 5), ("step", 3), ("anew", 5)])
def test_a_death_at_any_step_is_not_seen_and_the_next_one_is_whole(
    tmp_path: Path, kind: str, steps: int
) -> None:
    begun(tmp_path / "begun", kind)
    house = open_test_house(tmp_path / "begun")
    before, wanted = online(house.session()), offline(house.session())
    house.close()
    assert before != wanted
    for after in range(steps + 1):
        home = tmp_path / str(after)
        shutil.copytree(tmp_path / "begun", home)
        assert killed(home, after), f"a materialization has {after - 1} steps"
        house = open_test_house(home)
        session = house.session()
        seen = online(session)
        if kind == "step":  # each row is written over as a whole
            assert all(row in (old, new)
                       for row, old, new in zip(seen, before, wanted, strict=True))  # fmt: skip
        else:
            assert seen in (before, wanted)
        materialize(session, "spending", UNTIL)
        assert online(session) == wanted
        counts = [session.drivers.online.count(table) for table in tables_of(reader(session))]
        assert sorted(counts) == [0, CARDS + 1]  # the cards and the header
        house.close()


def test_a_materialization_has_as_many_steps_as_are_tried(tmp_path: Path) -> None:
    for kind, steps in (("first", 5), ("step", 3), ("anew", 5)):
        begun(tmp_path / kind, kind)
        assert not killed(tmp_path / kind, steps + 1)
