"""Somebody is forgotten: by the command line, over HTTP and with the SDK, in one house."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bucle.base.errors import Denied, NotFound
from bucle.governance.keys import verify
from bucle.interfaces.client import connect
from tests.docs.readme import ROOT
from tests.support.servers import server


def bucle(url: str, token: str, *arguments: str) -> Any:
    """Type a command against the server, and return what it says in JSON."""
    environ = os.environ | {"BUCLE_SERVER_URL": url, "BUCLE_TOKEN": token, "BUCLE_PROJECT": "shop"}
    ran = subprocess.run(
        [sys.executable, "-m", "bucle", "--json", *arguments],
        cwd=ROOT, env=environ, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_somebody_is_labelled_masked_and_forgotten(tmp_path: Path) -> None:
    with (
        server(tmp_path / "server") as running,
        connect(running.url, token=running.token, project="shop") as client,
    ):
        client.data.declare("reviews", key=["id"], columns={"mail": {"sensitivity": "personal"}})
        reviews = client.dataset("reviews")
        rows = [{"id": n, "mail": f"p{n}@x.org", "text": f"it is {n}"} for n in range(8)]
        reviews.commit(rows)
        reviews.commit([*rows, {"id": 8, "mail": "p8@x.org", "text": "late"}])

        client.data.label_queue("mood", dataset="reviews", question={"classes": ["good", "bad"]})
        for _ in range(9):
            lease = client.data.label_next("mood").lease
            assert lease is not None
            client.data.label_answer("mood", item=lease.item.number, value="good")
        client.data.label_publish("mood", into="moods")

        client.access.add("eva")
        client.access.grant("eva", role="viewer")
        token = client.access.create_token(principal="eva").bearer
        with connect(running.url, token=token, project="shop") as viewer:
            assert viewer.data.read("moods", columns=["mail"]).rows[0] == {"mail": "***"}
            with pytest.raises(Denied):
                viewer.dataset("moods").read()

        told = bucle(running.url, running.token, "data", "forget", "reviews", "--key", "id=3",
                     "--reason", "request of 3 March")  # fmt: skip
        versions = {each["ref"]: each["rows"] for each in told["affected"]["versions"]}
        assert versions == {"dataset:reviews@1": 1, "dataset:reviews@2": 1, "dataset:moods@1": 1}
        assert told["affected"]["labelling"] == {"mood": 1}
        old = client.data.get("reviews@1")
        done = bucle(running.url, running.token, "data", "erase", told["ref"])
        assert (done["state"], done["left"]) == ("done", 0)

        for ref in ("reviews", "reviews@1", "moods", "moods@1"):
            rows_left = client.data.read(ref).rows
            assert 3 not in [row["id"] for row in rows_left], ref
            assert len(rows_left) >= 7
        with pytest.raises(NotFound, match="rewritten"):
            client.data.get(f"reviews@{old.digest[:12]}")
        given = client.data.certificate(told["ref"])
        assert verify(given.public_key, given.text.encode(), given.signature)
        assert "p3@x.org" not in given.text
