"""Deployments on PostgreSQL: revisions, their order, and two writers at once."""

import threading
from pathlib import Path

import pytest

from bucle.base.errors import BucleError, Conflict
from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house

pytestmark = pytest.mark.service


def test_of_two_changes_at_once_one_is_told(tmp_path: Path, postgresql_url: str) -> None:
    house = open_test_house(tmp_path, database_url=postgresql_url)
    session = house.session()
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="demand", model="demand"))
    both_have_read = threading.Barrier(2)
    told: list[BucleError] = []

    def change(target: str) -> None:
        try:
            with house.session().begin() as scope:
                seen = serving.find_deployment(scope, "demand")
                assert seen is not None
                both_have_read.wait(timeout=20)
                spec = serving.DeploymentSpec(name="demand", model="demand", target=target)
                serving.deploy(scope, spec)
        except BucleError as error:
            told.append(error)

    writers = [threading.Thread(target=change, args=(name,)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with session.begin(write=False) as scope:
        revisions = [one.revision for one in serving.history(scope, "demand").items]
    # Either they met, and one was told, or one read what the other had committed.
    assert (revisions, len(told)) in (([2, 1], 1), ([3, 2, 1], 0))
    assert all(isinstance(error, Conflict) for error in told)
    house.close()


def test_the_plan_is_the_same_from_either_database(tmp_path: Path, postgresql_url: str) -> None:
    plans = []
    for name, settings in (("pg", {"database_url": postgresql_url}), ("sqlite", {})):
        house = open_test_house(tmp_path / name, **settings)
        session = house.session()
        with session.begin() as scope:
            for deployment in ("b", "a"):
                serving.deploy(scope, serving.DeploymentSpec(name=deployment, model="m"))
        assert serving.publish(session).changed
        assert not serving.publish(session).changed
        plans.append(serving.publish(session).plan)
        house.close()
    assert plans[0] == plans[1]
    assert [one.ref.name for one in plans[0].deployments] == ["a", "b"]
