from datetime import timedelta
from pathlib import Path

import pytest

from bucle.base.codec import decode, encode
from bucle.base.errors import Refused
from bucle.governance.access.tokens import create_token, revoke_token
from bucle.governance.audit.read import events_after
from bucle.governance.session import House
from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house

SPEC = serving.DeploymentSpec(name="demand", model="demand")


@pytest.fixture
def empty_house(tmp_path: Path) -> House:
    return open_test_house(tmp_path)


def test_a_published_plan_is_read_back_under_the_installations_key(empty_house: House) -> None:
    session = empty_house.session()
    with session.begin() as scope:
        serving.deploy(scope, SPEC)
    published = serving.publish(session)
    content = empty_house.drivers.blobs.get(serving.plan_key("default"))
    assert serving.open_sealed(content, empty_house.keys.public_hex) == published.plan
    assert [item.ref.name for item in published.plan.deployments] == ["demand"]


def test_publishing_what_is_there_writes_nothing(empty_house: House) -> None:
    session = empty_house.session()
    first = serving.publish(session)
    again = serving.publish(session)
    assert (first.changed, again.changed) == (True, False)
    assert first.digest == again.digest


def test_a_changed_plan_is_refused(empty_house: House) -> None:
    session = empty_house.session()
    serving.publish(session)
    sealed = decode(empty_house.drivers.blobs.get(serving.plan_key("default")), dict)
    sealed["plan"] = sealed["plan"].replace('"open":true', '"open":false')
    with pytest.raises(Refused, match="signature"):
        serving.open_sealed(encode(sealed), empty_house.keys.public_hex)


def test_a_plan_that_is_no_plan_is_refused(empty_house: House) -> None:
    with pytest.raises(Refused, match="can not be read"):
        serving.open_sealed(b"{", empty_house.keys.public_hex)


def test_the_plan_is_open_on_loopback_only(tmp_path: Path) -> None:
    for host, is_open in (("127.0.0.1", True), ("::1", True), ("localhost", True),
                          ("0.0.0.0", False), ("example.org", False)):  # fmt: skip
        house = open_test_house(tmp_path / host.replace(":", "_"), host=host)
        with house.session().begin(write=False) as scope:
            assert serving.current_plan(scope).open is is_open


def test_a_token_in_force_is_in_the_plan_and_a_revoked_one_is_not(empty_house: House) -> None:
    session = empty_house.session()
    with session.begin() as scope:
        kept = create_token(scope, lasts=timedelta(days=1))
        gone = create_token(scope)
        revoke_token(scope, gone.token.id)
    with session.begin(write=False) as scope:
        (found,) = serving.current_plan(scope).tokens
    assert found.id == kept.token.id
    assert found.secret_digest not in kept.bearer


def test_a_publication_leaves_a_fact(empty_house: House) -> None:
    session = empty_house.session()
    serving.publish(session)
    with session.begin(write=False) as scope:
        assert [event.type for event in events_after(scope, 0)] == ["plan.published"]
