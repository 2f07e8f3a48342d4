from datetime import UTC, datetime

import pytest

from bucle.base.errors import Conflict, NotFound, Refused
from bucle.base.refs import Ref
from bucle.lifecycle import registry
from bucle.lifecycle.registry import GateSpec, Threshold, catalog
from bucle.lifecycle.registry.catalog import (
    AdoptedAliases,
    AdoptedModel,
    AdoptedVersion,
    ForeignVersion,
)


@pytest.fixture
def session(house):
    return house.session()


AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def model(session, **fields):
    told = {"source": "s", "name": "churn", "created_at": AT, "changed_at": AT, **fields}
    with session.begin() as scope:
        return catalog.adopt_model(scope, AdoptedModel(**told))


def version(session, number, source="s3://bucket/model", **fields):
    made = ForeignVersion(source=source, description="words", tags={"k": "v"})
    told = {"source": "s", "model": "churn", "number": number, "created_at": AT, "changed_at": AT,
            "made": made, **fields}  # fmt: skip
    with session.begin() as scope:
        return catalog.adopt_version(scope, AdoptedVersion(**told))


def aliases(session, **given):
    with session.begin() as scope:
        return catalog.adopt_aliases(
            scope, AdoptedAliases(source="s", model="churn", aliases=given, mark="m")
        )


def sheet(session, number):
    with session.begin(write=False) as scope:
        return catalog.get_version_sheet(scope, Ref("model", "churn", number))


def test_a_version_keeps_its_number_times_stage_and_words(session):
    model(session, description="who leaves", tags={"owner": "ana"})
    version(session, 3, stage="Archived", user="ana")
    found = sheet(session, 3)
    assert (found.version.number, found.version.registered_at, found.version.registered_by) == (
        3, AT, "ana",
    )  # fmt: skip
    assert (found.stage, found.description, found.tags) == ("Archived", "words", {"k": "v"})
    assert found.source == "s3://bucket/model"


def test_versions_count_on_from_the_greatest_number(session):
    model(session)
    version(session, 7)
    version(session, 2)
    with session.begin() as scope:
        made = catalog.create_version(scope, "churn", ForeignVersion(source="s3://bucket/next"))
    assert made.version.number == 8


def test_what_is_new_of_a_version_is_brought(session):
    model(session)
    version(session, 1)
    version(session, 1, stage="Staging")
    assert sheet(session, 1).stage == "Staging"


def test_a_path_of_another_disk_is_kept_as_an_address_only(session):
    model(session)
    version(session, 1, source="/their/disk/model")
    assert sheet(session, 1).storage == "/their/disk/model"


def test_a_version_that_no_import_brought_is_never_written_over(session):
    with session.begin() as scope:
        catalog.create_model(scope, "churn")
        catalog.create_version(scope, "churn", ForeignVersion(source="s3://bucket/ours"))
    model(session)
    with pytest.raises(Conflict, match="no import brought it"):
        version(session, 1)
    assert sheet(session, 1).source == "s3://bucket/ours"


def test_a_version_of_a_model_that_is_not_here_is_not_found(session):
    with pytest.raises(NotFound):
        version(session, 1)


def test_aliases_are_promotions_that_are_kept_as_decisions(session):
    model(session)
    version(session, 1)
    assert aliases(session, champion=1) == ()
    with session.begin(write=False) as scope:
        (decision,) = registry.history(scope, "churn").decisions
    assert (decision.action, decision.alias, decision.version) == ("promoted", "champion", 1)
    assert "so it was in s" in decision.reason


def test_gates_that_stand_here_decide_over_aliases_and_production(session):
    model(session)
    gates = GateSpec(thresholds=(Threshold(metric="auc", min=0.9),))
    with session.begin() as scope:
        registry.declare_gates(scope, "churn", gates)
    version(session, 1)
    (refused,) = aliases(session, champion=1)
    assert "has not been judged" in refused
    with pytest.raises(Refused):
        version(session, 1, stage="Production")
    with session.begin(write=False) as scope:
        assert registry.get_model(scope, "churn").aliases == {}
