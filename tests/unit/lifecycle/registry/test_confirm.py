"""A version that names a split is judged on its confirming part, and each look is counted."""

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.session import House, Session
from bucle.lifecycle.data import SplitSpec, commit_table, show_split, split
from bucle.lifecycle.registry import (
    GateSpec,
    ModelLog,
    ModelVersion,
    Threshold,
    declare_gates,
    history,
    judge,
    log_model,
)
from tests.unit.lifecycle.registry import models

SPLIT = Ref("split", "holdout", 1)


@pytest.fixture
def session(house: House, rentals: pa.Table) -> Session:
    opened = house.session()
    commit_table(opened, "rentals", rentals, mode="replace", message="")
    split(opened, "rentals", SplitSpec(name="holdout"))
    return opened


def logged(session: Session, rentals: pa.Table, **more: object) -> ModelVersion:
    asked: dict[str, object] = {"example": rentals[:5], "target": "count", "split": SPLIT}
    return log_model(session, models.linear(rentals), "demand", ModelLog(**(asked | more)))  # type: ignore[arg-type]


def gated(session: Session, gates: GateSpec) -> None:
    with session.begin() as scope:
        declare_gates(scope, "demand", gates)


def looks(session: Session) -> list[tuple[int, Ref | None]]:
    with session.begin(write=False) as scope:
        return [(each.number, each.about) for each in show_split(scope, "holdout").looks]


def test_each_judgement_is_a_look_that_the_history_counts(
    session: Session, rentals: pa.Table
) -> None:
    gated(session, GateSpec(thresholds=(Threshold(metric="mae", max=10),)))
    version = logged(session, rentals)
    assert (version.split, version.evaluation) == (SPLIT, None)
    assert set(version.metrics) == {"mae", "rmse", "r2"}
    assert looks(session) == []
    first = judge(session, version.ref)
    assert "on 48 rows" in first.verdicts[0].note
    judge(session, version.ref)
    assert looks(session) == [(2, version.ref), (1, version.ref)]
    with session.begin(write=False) as scope:
        decisions = history(scope, "demand").decisions
    assert [(each.action, each.split, each.look) for each in decisions] == [
        ("accepted", SPLIT, 2),
        ("accepted", SPLIT, 1),
    ]


def test_a_gate_that_needs_no_rows_looks_at_none(session: Session, rentals: pa.Table) -> None:
    gated(session, GateSpec(latency_ms=1000))
    assert judge(session, logged(session, rentals).ref).look is None
    assert looks(session) == []


def test_a_split_that_does_not_do_is_refused_when_the_model_is_registered(
    session: Session, rentals: pa.Table
) -> None:
    with pytest.raises(NotFound, match="split:other does not exist"):
        logged(session, rentals, split=Ref("split", "other"))
    with pytest.raises(Invalid, match="or on the confirming part"):
        logged(session, rentals, evaluation=rentals)
    with pytest.raises(Invalid, match="a split needs a target"):
        logged(session, rentals, target="")
    commit_table(session, "short", rentals.select(["heat", "count"]), mode="replace", message="")
    split(session, "short", SplitSpec(name="short"))
    with pytest.raises(Invalid, match="lacks the column 'hour'"):
        logged(session, rentals, split=Ref("split", "short"), metrics={})
