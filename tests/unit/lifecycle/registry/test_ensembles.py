"""Several models answer as one; members that do not go together are refused when packed."""

from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.governance.lineage.trace import trace
from bucle.governance.session import House
from bucle.lifecycle.registry import Ensemble, Member, ModelLog, Packaging, log_model, package_model
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.flavors import FLAVORS
from bucle.lifecycle.registry.package import draft_of
from bucle.lifecycle.registry.read import open_version
from tests.unit.lifecycle.registry import kinds

EXAMPLE = kinds.FITTED[:40]


def fitted(kind: str) -> Any:
    return kinds.KINDS[kind][0]()


def test_members_in_order_read_what_those_before_them_gave(house: House) -> None:
    def between(columns: dict[str, Any]) -> dict[str, Any]:
        return {"prediction": columns["score"], "twice": columns["score"] * 2}

    ridge, last = fitted("ridge"), LinearRegression()
    names = ["twice", "x0"]
    twice = 2 * ridge.predict(kinds.X)
    table = {"twice": twice, "x0": kinds.X["x0"].to_numpy()}
    last.fit(np.column_stack(list(table.values())), kinds.NUMBER)
    last.feature_names_in_ = np.array(names, dtype=object)
    asked = Ensemble(
        how="last",
        members=(
            Member(model=ridge, gives={"prediction": "score"}),
            Member(model=between, gives={"twice": "twice"}),
            Member(model=last),
        ),
    )
    log = ModelLog(example=EXAMPLE, task="regression", allow_pickle=True)
    session = house.session()
    predictor = open_version(session, log_model(session, asked, "chain", log))
    assert "score" not in [field.name for field in predictor.signature.inputs]
    found = predictor.predict(columns_of(kinds.FITTED, predictor.signature.inputs))
    expected = np.column_stack(list(table.values())) @ last.coef_ + last.intercept_
    np.testing.assert_allclose(found["prediction"], expected, rtol=1e-6)


def test_a_version_can_be_a_member_and_the_lineage_says_so(house: House) -> None:
    session = house.session()
    log = ModelLog(example=EXAMPLE)
    log_model(session, fitted("forest"), "forest", log)
    asked = Ensemble(
        how="vote",
        members=(
            Member(model=fitted("logistic")),
            Member(model="model:forest@1"),
            Member(model=fitted("lightgbm"), weight=3),
        ),
    )
    version = log_model(session, asked, "together", log)
    predictor = open_version(session, version)
    found = predictor.predict(columns_of(kinds.FITTED, predictor.signature.inputs))
    assert list(found["prediction"]) == list(fitted("lightgbm").predict(kinds.X))  # it outvotes
    with session.begin(write=False) as scope:
        refs = {str(edge.source) for edge in trace(scope, version.ref).edges}
    assert "model:forest@1" in refs


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Ensemble(members=()), "without members"),
        (Ensemble(members=(Member(model=1, weight=-1),)), "weigh nothing"),
        (Ensemble(members=(Member(model=1),), how="best"), "'best' is no way to answer"),  # type: ignore[arg-type]
        (
            Ensemble(members=(Member(model="logistic"), Member(model="ridge"))),
            "decide between no, yes and between numbers",
        ),
        (Ensemble(how="vote", members=(Member(model="ridge"),)), "numbers are not voted on"),
        (Ensemble(members=(Member(model="linear svc"),)), "no probabilities"),
        (
            Ensemble(how="last", members=(Member(model="ridge", gives={"x": "y"}),)),
            "a member gives no 'x'",
        ),
        (
            Ensemble(how="last", members=(Member(model="ridge", gives={"prediction": "city"}),)),
            "'city' is a column already",
        ),
        (Ensemble(members=(Member(model=len),)), "as a pickle only"),
    ],
)
def test_members_that_do_not_go_together_are_refused(
    house: House, asked: Ensemble, message: str
) -> None:
    members = tuple(
        Member(model=fitted(each.model), weight=each.weight, gives=each.gives)
        if isinstance(each.model, str)
        else each
        for each in asked.members
    )
    with pytest.raises(Invalid, match=message):
        package_model(
            house.drivers, Ensemble(members=members, how=asked.how), Packaging(example=EXAMPLE)
        )


def test_a_member_that_is_no_version_is_not_found(house: House) -> None:
    asked = Ensemble(members=(Member(model="model:nothing@3"),))
    with pytest.raises(NotFound, match="nothing"):
        log_model(house.session(), asked, "together", ModelLog(example=EXAMPLE))


def test_a_member_that_runs_code_behind_the_packages_back_is_refused(house: House) -> None:
    def doubled(columns: dict[str, Any]) -> Any:
        return columns["x0"] * 2

    packaging = Packaging(example=EXAMPLE, allow_pickle=True)
    draft = draft_of(Ensemble(members=(Member(model=doubled),)), packaging)
    silent = msgspec.structs.replace(draft.manifest, options={})
    with pytest.raises(Refused, match="of flavor python, which runs code"):
        FLAVORS["ensemble"].load(draft.weights, silent, 1)


def test_from_afar_a_version_is_no_member(house: House) -> None:
    asked = Ensemble(members=(Member(model="model:forest@1"),))
    with pytest.raises(Invalid, match="model:forest@1 is a version"):
        package_model(house.drivers, asked, Packaging(example=EXAMPLE))
