"""Kill -9 of the process that counts events, again and again: none is lost, none counts twice."""

import os
import random
import subprocess
import sys
import threading

import msgspec
import pytest

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.features import online_view, register_view
from bucle.lifecycle.features.stream import offset_of, read_stream
from bucle.lifecycle.features.transport import list_dead, send
from tests.unit.lifecycle.features.payments import SPENDING, about_same, expected, payments

FOLLOWER = """
import importlib
from bucle.governance.session import House
follow = importlib.import_module("bucle.lifecycle.features.transport.follow")
follow._EVENTS_AT_ONCE = 40
absorb = follow.absorb
def told(*arguments):
    print(flush=True)
    return absorb(*arguments)
follow.absorb = told
house = House()
follow.follow(house.session(), "spending")
print("end", flush=True)
"""
KILLS = 5


def environ_of(tmp_path, url):
    urls = {"BUCLE_ONLINE_URL": url, "BUCLE_STREAMS_URL": url} if url else {}
    return {"BUCLE_HOME": str(tmp_path)} | urls


def follow_and_kill(environ, rng):
    """Follow; kill in the midst of a batch; tell whether it was killed before the end."""
    follower = subprocess.Popen(
        [sys.executable, "-c", FOLLOWER],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(rng.randrange(1, 8)):
        follower.stdout.readline()
    threading.Event().wait(rng.uniform(0, 0.01))  # somewhere in the count, its write, or after
    follower.kill()
    rest = follower.stdout.read()
    follower.wait()
    return "end" not in rest


@pytest.mark.parametrize("store", ["lmdb", pytest.param("redis", marks=pytest.mark.service)])
def test_kill_9_while_counting_loses_no_event_and_counts_none_twice(store, tmp_path, request):
    url = request.getfixturevalue("redis_url") if store == "redis" else ""
    environ, rng = environ_of(tmp_path, url), random.Random(5)
    house = House(load_settings(environ))
    session = house.session()
    view = msgspec.structs.replace(SPENDING, stream="payments")
    with session.begin() as scope:
        registered = register_view(scope, view)
    table = payments(11, 3_000, days=10)
    events = [row | {"at": row["at"].isoformat()} for row in table.to_pylist()]
    send(session, "payments", events)

    killed = sum(follow_and_kill(environ, rng) for _ in range(KILLS))
    assert killed >= KILLS - 1
    subprocess.run([sys.executable, "-c", FOLLOWER], env=os.environ | environ, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip

    online = online_view(view, registered.ref, session.project)
    moment = max(table["at"].to_pylist())
    keys = sorted({card for card in table["card"].to_pylist() if card is not None})
    found = read_stream(session.drivers.online, online, [(key,) for key in keys], moment)
    for key, row in zip(keys, found, strict=True):
        assert about_same(row, expected(view, table, key, moment)), key
    without_card = table["card"].null_count
    assert offset_of(session.drivers.online, online).applied == table.num_rows - without_card
    with session.begin(write=False) as scope:
        letters = list_dead(scope, registered.ref, limit=1000).items
    assert len(letters) == without_card
    house.close()
