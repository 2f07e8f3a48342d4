"""A shop's database and its folder of files feed a project unattended, dirty rows set apart."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bucle.base.errors import NotFound
from bucle.interfaces.client import Client, connect
from tests.story.installation import ROOT
from tests.support.processes import wait_until

pytestmark = [pytest.mark.story, pytest.mark.timeout(300)]

PROJECT = """
version: 1
project: story
datasets:
  orders:
    key: [id]
    expectations: [{{column: price, min: 0, action: quarantine}}]
    source:
      url: sqlite:///{folder}/shop.db
      table: orders
      watermark: changed_at
      schedule: 1s
  returns:
    source: {{url: "file://{folder}/in/*.csv", settle: 0s, schedule: 1s}}
"""


def order(folder: Path, *rows: tuple[int, str, float]) -> None:
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.execute(
            "CREATE TABLE IF NOT EXISTS orders"
            " (id INTEGER PRIMARY KEY, changed_at DATETIME, price DECIMAL(10, 2))"
        )
        shop.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", rows)


def rows(client: Client, name: str) -> dict[int, Any]:
    try:
        found = client.data.read(name, limit=100).rows
    except NotFound:  # nothing was committed yet
        return {}
    return {row["id"]: row.get("price") for row in found}


def test_what_a_shop_writes_arrives_unasked(tmp_path: Path, monkeypatch) -> None:
    order(tmp_path, (1, "2026-03-01 10:00:00", 9.5), (2, "2026-03-01 11:00:00", -1))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "monday.csv").write_text("id,price\n7,9.5\n")
    (tmp_path / "in" / "tuesday.csv").write_text("id,price\n8\n")
    (tmp_path / "bucle.yaml").write_text(PROJECT.format(folder=tmp_path))
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BUCLE_PROJECT", "story")
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "bucle", "apply"], cwd=tmp_path, env=environ,
                   check=True, timeout=100)  # fmt: skip
    control = subprocess.Popen([sys.executable, "-m", "bucle.control"], cwd=tmp_path, env=environ)
    try:
        with connect() as client:
            wait_until(lambda: rows(client, "orders").keys() == {1}, within_s=60)
            wait_until(lambda: rows(client, "returns").keys() == {7}, within_s=60)
            order(tmp_path, (1, "2026-03-02 10:00:00", 7.5), (3, "2026-03-01 11:00:00", 2))
            wait_until(lambda: rows(client, "orders") == {1: "7.50", 3: "2.00"}, within_s=60)
            (set_apart,) = client.data.quarantined("orders").rows
            assert set_apart.values["id"] == 2
            (broken,) = client.data.arrivals("returns", status="broken").items
            assert broken.name.endswith("tuesday.csv")
            (tmp_path / "in" / "tuesday.csv").write_text("id,price\n8,1.5\n")
            wait_until(lambda: rows(client, "returns").keys() == {7, 8}, within_s=60)
            told = {one.dataset.name: one for one in client.data.sources().items}
            assert told["orders"].total == 4
            assert told["returns"].error == ""
            assert told["returns"].next_at is not None
    finally:
        control.send_signal(signal.SIGTERM)
        control.wait(30)
