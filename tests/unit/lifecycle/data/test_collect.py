"""Garbage: what goes, and all that stays."""

import os
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from bucle.base.clock import ManualClock
from bucle.base.digest import digest_bytes
from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.drivers.blobs.content import content_key, has_content, store_bytes
from bucle.drivers.db import metadata
from bucle.drivers.db.mentions import tables_of, texts_of
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle.data import collect
from bucle.lifecycle.data.collect import collect as room
from bucle.lifecycle.data.collect.roots import NO_ROOTS
from bucle.lifecycle.data.packs.dead import Pack

TWO_DAYS_S = 2 * 86_400


@pytest.fixture
def client(session: Session) -> Client:
    return Client(InProcess(session))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name * 1000)
    (folder / "large").write_bytes(os.urandom(2 << 20))
    return folder


def age(house: House) -> None:
    """Let everything that is stored be two days old."""
    then = time.time() - TWO_DAYS_S
    for blob in house.drivers.blobs.list():
        path = house.drivers.blobs.local_path(blob.key)
        assert path is not None
        os.utime(path, (then, then))
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=2))


def stored(house: House) -> set[str]:
    return {blob.key.rpartition("/")[2] for blob in house.drivers.blobs.list("content")}


def test_a_dry_run_lists_what_nothing_refers_to_and_deletes_nothing(
    house: House, session: Session, client: Client, folder: Path
) -> None:
    client.data.commit("photos", [folder])
    orphan = store_bytes(house.drivers.blobs, b"nobody's")
    age(house)
    young = store_bytes(house.drivers.blobs, b"about to be somebody's")
    before = stored(house)
    report = client.data.gc(grace="1d")
    assert (report.deleted, report.digests) == (False, (orphan,))
    assert (report.objects, report.size_bytes) == (1, 8)
    assert (report.young_objects, report.young_bytes) == (1, 22)
    assert {held.by for held in report.held} == {"content_packs", "dataset_versions"}
    assert stored(house) == before
    assert young in before


def test_what_is_collected_is_gone_and_what_anything_needs_stays(
    house: House, session: Session, client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    client.data.tag("photos", "all")
    client.data.branch("photos", "other")
    (folder / "a").write_text("changed")
    client.data.commit("photos", [folder], branch="other")
    (folder / "b").unlink()
    client.data.commit("photos", [folder])
    rows = [{"id": n, "fare": float(n)} for n in range(10)]
    client.data.declare(
        "trips", expectations=[{"column": "fare", "max": 8.0, "action": "quarantine"}]
    )
    client.dataset("trips").commit(rows)
    profile = client.data.profile("trips")
    split = client.data.split("trips", name="holdout")
    orphan = store_bytes(house.drivers.blobs, b"nobody's")
    uploads = stored(house)
    age(house)
    report = client.data.gc(grace="1d", delete=True)
    assert report.deleted
    assert orphan in report.digests
    assert stored(house) == uploads - set(report.digests)
    for place, ref in enumerate(("photos@all", "photos@other", "photos")):
        client.checkout(ref, tmp_path / f"out{place}")
    assert client.dataset("trips").read().num_rows == 9
    assert client.data.quarantined("trips").rows != []
    assert client.data.profile("trips") == profile
    assert client.data.show_split("holdout").split == split
    assert collect(session, grace="1d").objects == 0


def test_files_of_a_commit_that_never_came_are_collected_and_sent_again(
    house: House, session: Session, client: Client, folder: Path
) -> None:
    client.data.declare("photos", expectations=[{"column": "path", "regex": "no.*"}])
    with pytest.raises(Refused):
        client.data.commit("photos", [folder])
    age(house)
    report = collect(session, grace="1d", delete=True)
    assert report.size_bytes > 2 << 20
    assert stored(house) == set()
    assert client.data.missing("photos", [digest_bytes(b"a" * 1000)]) != ()
    client.data.declare("photos", expectations=[])
    client.data.commit("photos", [folder])
    with client.open_file("photos", "a") as file:
        assert file.read() == b"a" * 1000


def test_what_another_project_needs_stays(
    house: House, session: Session, client: Client, folder: Path
) -> None:
    other = Client(InProcess(house.session(project="other")))
    other.data.commit("photos", [folder])
    age(house)
    assert collect(session, grace="1d", delete=True).objects == 0
    with other.open_file("photos", "a") as file:
        assert file.read() == b"a" * 1000


def test_what_is_stored_again_while_garbage_is_collected_stays(
    house: House, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = house.drivers.blobs
    one, two = store_bytes(blobs, b"one"), store_bytes(blobs, b"two")
    age(house)
    named = room.named_by_database

    def stores_meanwhile(asked: Session) -> dict[str, str]:
        if len(calls) == 1:  # everything was looked at, and nothing deleted yet
            assert store_bytes(blobs, b"two") == two
        calls.append(1)
        return named(asked)

    calls: list[int] = []
    monkeypatch.setattr(room, "named_by_database", stores_meanwhile)
    assert collect(session, grace="1d", delete=True).digests == (one,)
    assert has_content(blobs, two)


def test_a_pack_that_a_commit_came_to_rely_on_stays(
    house: House, session: Session, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.data.declare("photos", expectations=[{"column": "path", "regex": "no.*"}])
    with pytest.raises(Refused):
        client.data.commit("photos", [folder])
    client.data.declare("photos", expectations=[])
    age(house)
    weigh = room.weigh_packs

    def commits_then(asked: Session, files: Collection[str]) -> list[Pack]:
        packs = list(weigh(asked, files))
        client.data.commit("photos", [folder])
        return packs

    monkeypatch.setattr(room, "weigh_packs", commits_then)
    collect(session, grace="1d", delete=True)
    with client.open_file("photos", "large") as file:
        assert file.read() == (folder / "large").read_bytes()


def test_a_commit_whose_pack_was_collected_meanwhile_is_refused_and_works_again(
    house: House, session: Session, client: Client, folder: Path
) -> None:
    client.data.declare("photos", expectations=[{"column": "path", "regex": "no.*"}])
    with pytest.raises(Refused):
        client.data.commit("photos", [folder])
    pages = sorted(stored(house))
    client.data.declare("photos", expectations=[])
    age(house)
    collect(session, grace="1d", delete=True)
    with pytest.raises(NotFound):
        client.data.commit("photos", tree=pages, kind="files")
    assert client.data.commit("photos", [folder]).rows == 4


def test_nothing_is_deleted_when_what_a_version_needs_can_not_be_read(
    house: House, session: Session, client: Client, folder: Path
) -> None:
    made = client.data.commit("photos", [folder])
    orphan = store_bytes(house.drivers.blobs, b"nobody's")
    age(house)
    house.drivers.blobs.delete(content_key(made.files[0].digest))
    with pytest.raises(Refused, match=made.files[0].digest):
        collect(session, grace="1d", delete=True)
    assert has_content(house.drivers.blobs, orphan)


@pytest.mark.parametrize("grace", ["0s", "10m", "soon", "9999999d", "99999999999999d"])
def test_a_grace_that_is_too_short_or_none_is_refused(session: Session, grace: str) -> None:
    with pytest.raises(Invalid):
        collect(session, grace=grace)


def test_the_store_of_all_projects_is_no_matter_of_one_projects_owner(house: House) -> None:
    owner = Principal(name="ana", grants=(Grant(role="owner", project="default"),))
    with pytest.raises(Denied):
        collect(house.session(owner))


@pytest.fixture
def described(house: House) -> Iterator[dict[str, set[str]]]:
    """Yield the columns of every table in which digests are looked for."""
    with house.session().begin(write=False) as scope:
        yield {
            table.name: {column.name for column in texts_of(table)}
            for table in tables_of(scope.tx, skip=NO_ROOTS)
        }


def test_every_text_of_every_table_is_looked_at(described: dict[str, set[str]]) -> None:
    assert metadata.tables.keys() - NO_ROOTS <= described.keys()
    overlooked = {
        f"{name}.{column.name}"
        for name, table in metadata.tables.items()
        for column in table.columns
        if name not in NO_ROOTS
        and column.name not in described[name]
        and ("digest" in column.name or isinstance(column.type, LargeBinary))
    }
    # Points of metrics, and digests of rows: they refer to nothing.  A plan on its way to a fleet
    # refers to what revisions of deployments do, which are looked at.
    refers_to_nothing = {"metric_segments.body", "run_points.body", "data_sources.ties"}
    assert overlooked <= refers_to_nothing | {"fleet_rollouts.content"}
