"""Words and tags of models and versions, by the operation table: the SDK, the CLI and HTTP."""

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle.registry import catalog
from bucle.testing.houses import open_test_house


@pytest.fixture
def client(tmp_path):
    house = open_test_house(tmp_path / "home")
    with house.session().begin() as scope:
        catalog.create_model(scope, "churn", description="Says who leaves", tags={"team": "blue"})
        catalog.create_version(scope, "churn", catalog.ForeignVersion(source="s3://bucket/one"))
    yield Client(InProcess(house.session(), owns_house=True))
    house.close()


def said(notes):
    return notes.ref, notes.description, notes.tags


def test_a_model_and_its_version_have_words_and_tags_of_their_own(client):
    model, version = Ref("model", "churn"), Ref("model", "churn", 1)
    client.registry.describe("churn@1", text="The first")
    client.registry.set_tags("churn@1", tags={"seed": "7"})
    client.registry.set_tags("churn", tags={"team": "green", "tier": "1"})
    assert said(client.registry.notes("churn")) == (
        model, "Says who leaves", {"team": "green", "tier": "1"},
    )  # fmt: skip
    assert said(client.registry.notes("churn@1")) == (version, "The first", {"seed": "7"})


def test_an_empty_text_takes_the_description_away_and_untag_a_tag(client):
    assert client.registry.describe("churn", text="").description == ""
    assert client.registry.untag("churn", key="team").tags == {}
    assert client.registry.untag("churn", key="team").tags == {}, "gone is gone"


def test_the_audit_tells_what_was_said_and_taken_back(client):
    client.registry.describe("churn", text="Nuevo")
    client.registry.set_tags("churn@1", tags={"a": "b"})
    client.registry.untag("churn@1", key="a")
    events = [event.type for event in client.audit.events(limit=100).items]
    assert {"model.described", "model.tagged", "model.untagged"} <= set(events)


@pytest.mark.parametrize("ref", ["nothing", "churn@9", "churn@champion"])
def test_what_is_not_there_has_no_notes(client, ref):
    with pytest.raises(NotFound):
        client.registry.notes(ref)
    with pytest.raises(NotFound):
        client.registry.describe(ref, text="x")


def test_a_tag_that_can_not_be_kept_is_refused_and_nothing_is_written(client):
    with pytest.raises(Invalid):
        client.registry.set_tags("churn", tags={"good": "1", "": "2"})
    assert client.registry.notes("churn").tags == {"team": "blue"}
