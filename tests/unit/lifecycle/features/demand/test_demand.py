"""On-demand features: the same in a training set, online and for one row alone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    OnDemand,
    ParitySpec,
    RegisteredView,
    check_parity,
    get_view,
    inputs_of,
    materialize,
    on_demand,
    read_features,
    reading,
    register_view,
    training_set,
    write_training_set,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import SPENDING, START, payments

MOMENT = START + timedelta(days=12)
SHOP = FeatureView(
    name="shops",
    entity=Entity(name="shop", keys=("shop", "country")),
    source="sales",
    time="at",
    columns=("kind",),
    aggregations=(Aggregation(function="mean", column="price", window="7d", name="price_mean"),),
    owner="ann",
    description="What shops sell",
)
RATIO = FeatureView(
    name="ratios",
    inputs=("spending", "shops"),
    request={"amount": "float64", "note": "string"},
    on_demand=(
        OnDemand(name="ratio", sql="amount / nullif(amount_mean_7d, 0)"),
        OnDemand(name="dear", type="bool", sql="amount > price_mean"),
        OnDemand(name="kinds", type="string", sql="coalesce(kind, '?') || ':' || note"),
    ),
    owner="ann",
    description="A payment beside what was paid before",
)
ASKED = {
    "card": [1, 2, 99, None],
    "shop": [7, 8, 7, 7],
    "country": ["es", "pt", "xx", "es"],
    "amount": [10.0, None, -3.5, 2.0],
    "note": ["a", "", None, "ñ"],
}


FACTOR = 2


@on_demand(
    inputs=["spending"],
    request={"amount": float, "at_night": bool},
    outputs={"twice": float, "odd": bool, "told": str},
    owner="ann",
)
def doubled(rows: pa.Table) -> dict[str, Any]:
    """Twice the amount."""
    twice = pc.multiply(rows["amount"], FACTOR)
    is_odd = pc.and_kleene(rows["at_night"], pc.greater(twice, rows["amount_max_7d"]))
    return {"twice": twice, "odd": is_odd, "told": pc.cast(rows["count_1d"], pa.string())}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = open_test_house(tmp_path_factory.mktemp("demand"), online_url="memory:")
    session = house.session()
    commit_table(session, "payments", payments(5, 400))
    sales = [
        {"shop": 7 + n % 2, "country": "es" if n % 3 else "pt", "price": float(n),
         "kind": "bread" if n % 4 else None, "at": START + timedelta(hours=n)}
        for n in range(300)
    ]  # fmt: skip
    commit_table(session, "sales", pa.Table.from_pylist(sales))
    with session.begin() as scope:
        for view in (SPENDING, SHOP, RATIO):
            register_view(scope, view)
    yield house
    house.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()


def refused(session: Session, view: FeatureView, message: str) -> None:
    with pytest.raises(Invalid, match=message), session.begin() as scope:
        register_view(scope, view)


def changed(**fields: Any) -> FeatureView:
    return msgspec.structs.replace(RATIO, **fields)


def test_a_training_set_has_what_each_row_says_beside_what_was_known(session: Session) -> None:
    entities = pa.table(ASKED).append_column("at", pa.array([MOMENT] * 4))
    found = training_set(session, entities, ["shops", "spending", "ratios"])
    assert found.column_names[-3:] == ["ratio", "dear", "kinds"]
    rows = found.to_pylist()
    assert rows[0]["ratio"] == pytest.approx(10.0 / rows[0]["amount_mean_7d"])
    assert rows[0]["dear"] is (rows[0]["price_mean"] < 10)
    assert [row["ratio"] is None for row in rows] == [False, True, True, True]
    assert [row["kinds"] for row in rows] == ["bread:a", "bread:", None, "bread:ñ"]
    assert {str(ref) for ref in inputs_of(found)} == {
        "dataset:payments@1", "dataset:sales@1", "feature_view:spending@1", "feature_view:shops@1",
        "feature_view:ratios@1",
    }  # fmt: skip


def test_the_inputs_are_computed_though_nobody_asks_for_them(session: Session) -> None:
    entities = pa.table(ASKED).append_column("at", pa.array([MOMENT] * 4))
    whole = training_set(session, entities, ["spending", "shops", "ratios"])
    alone = training_set(session, entities, ["ratios"])
    assert alone.column_names == [*entities.column_names, "ratio", "dear", "kinds"]
    assert alone.select(["ratio", "dear", "kinds"]).equals(whole.select(["ratio", "dear", "kinds"]))


def test_a_file_is_joined_as_a_table_is(session: Session, tmp_path: Path) -> None:
    entities = pa.table(ASKED).append_column("at", pa.array([MOMENT] * 4))
    wanted = training_set(session, entities, ["ratios", "spending"])
    path = tmp_path / "made.parquet"
    write_training_set(session, entities.to_reader(), ["ratios", "spending"], path)
    found = pq.read_table(path)
    assert found.to_pylist() == wanted.to_pylist()
    assert found.schema.names == wanted.schema.names


def test_online_is_what_the_training_set_says_of_that_moment(session: Session) -> None:
    for name in ("spending", "shops"):
        materialize(session, name, MOMENT)
    with session.begin(write=False) as scope:
        view = reading(scope, get_view(scope, "ratios"))
    assert view.keys == ("card", "shop", "country")
    keys = list(zip(ASKED["card"], ASKED["shop"], ASKED["country"], strict=True))
    read = read_features(session.drivers, view, keys[:3], {"amount": ASKED["amount"][:3],
                                                           "note": ASKED["note"][:3]})  # fmt: skip
    entities = pa.table(ASKED).append_column("at", pa.array([MOMENT] * 4)).slice(0, 3)
    wanted = training_set(session, entities, ["ratios"]).select(["ratio", "dear", "kinds"])
    for row, other in zip(read.rows, wanted.to_pylist(), strict=True):
        assert row == pytest.approx(other)
    assert read.as_of == MOMENT
    assert check_parity(session, "ratios", ParitySpec(entities=40, moments=1)).ok


def test_a_request_knows_a_feature_better(session: Session) -> None:
    with session.begin(write=False) as scope:
        view = reading(scope, get_view(scope, "ratios"))
    said = {"amount": [6.0], "note": ["a"], "amount_mean_7d": [3.0]}
    assert read_features(session.drivers, view, [(1, 7, "es")], said).rows[0]["ratio"] == 2.0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"amount": [1.0]}, "computed from 'note'"),
        ({"amount": ["1"], "note": ["a"]}, "'amount' is '1', which is no float64"),
        ({"amount": [True], "note": ["a"]}, "'amount' is True, which is no float64"),
        ({"amount": [1.0, 2.0], "note": ["a"]}, "'amount' has 2 values for 1 rows"),
    ],
)
def test_a_request_that_lacks_something_is_refused(
    session: Session, said: dict[str, list[Any]], message: str
) -> None:
    with session.begin(write=False) as scope:
        view = reading(scope, get_view(scope, "ratios"))
    with pytest.raises(Invalid, match=message):
        read_features(session.drivers, view, [(1, 7, "es")], said)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (changed(owner=""), "has no owner"),
        (changed(description=" "), "has no description"),
        (changed(on_demand=()), "computes nothing"),
        (changed(inputs=(), request={}), "nothing to compute from"),
        (changed(source="payments"), "has 'source'"),
        (changed(on_demand=(OnDemand(name="x"),)), "nothing says how 'x' is computed"),
        (changed(on_demand=(OnDemand(name="x", sql="nope + 1"),)), "x = nope \\+ 1 of .*nope"),
        (changed(on_demand=(OnDemand(name="x", sql="sum(amount)"),)), "can not be computed|values"),
        (changed(on_demand=(OnDemand(name="x", sql="avg(amount) OVER ()"),)), "that row alone"),
        (changed(on_demand=(OnDemand(name="x", sql="random()"),)), "that row alone"),
        (changed(on_demand=(OnDemand(name="kind", sql="1"),)), "makes 'kind', which feature_view"),
        (changed(request={"kind": "string"}), "both have 'kind'"),
        (changed(request={"card": "int64"}), "is a key and a column"),
        (changed(inputs=("spending", "ratios")), "computed on demand itself"),
    ],
)
def test_what_nobody_could_compute_is_refused(
    session: Session, view: FeatureView, message: str
) -> None:
    refused(session, msgspec.structs.replace(view, name="other"), message)


def test_an_input_that_is_not_registered_is_named(session: Session) -> None:
    with pytest.raises(NotFound, match="feature_view:nobody"), session.begin() as scope:
        register_view(scope, changed(name="other", inputs=("nobody",)))


def test_it_has_nothing_to_materialize(session: Session) -> None:
    with pytest.raises(Invalid, match="computed when somebody asks"):
        materialize(session, "ratios")


def test_it_reads_the_versions_that_it_was_registered_with(tmp_path: Path) -> None:
    house = open_test_house(tmp_path, online_url="memory:")
    session = house.session()

    def put(view: FeatureView) -> RegisteredView:
        with session.begin() as scope:
            return register_view(scope, view)

    put(SPENDING)
    view = changed(inputs=("spending",), on_demand=RATIO.on_demand[:1])
    first = put(view)
    assert put(view) == first
    put(msgspec.structs.replace(SPENDING, ttl="3d"))
    with session.begin(write=False) as scope:
        assert get_view(scope, "ratios").inputs == first.inputs
    second = put(view)
    assert [str(ref) for ref in (*first.inputs, *second.inputs)] == [
        "feature_view:spending@1", "feature_view:spending@2",
    ]  # fmt: skip
    assert second.number == 2
    assert put(msgspec.structs.replace(view, inputs=("spending@1",))).number == 3
    house.close()


def test_a_function_gives_the_same_in_training_and_online(session: Session) -> None:
    with pytest.raises(Invalid, match="uses 'NOT_THERE', which is not defined"):
        on_demand(outputs={"x": float}, request={"a": float})(uses_what_comes_later)
    view = msgspec.structs.replace(doubled, description=doubled.description)
    with session.begin() as scope:
        registered = register_view(scope, view)
        online = reading(scope, registered)
    assert registered.view.description == "Twice the amount."
    materialize(session, "spending", MOMENT)
    entities = pa.table(
        {"card": [1, 99], "amount": [4, None], "at_night": [True, None], "at": [MOMENT] * 2}
    )
    found = training_set(session, entities, ["doubled"])
    assert found["twice"].to_pylist() == [8.0, None]
    assert found["told"].to_pylist()[1] == "0"
    said = {"amount": [4, None], "at_night": [True, None]}
    rows = read_features(session.drivers, online, [(1,), (99,)], said).rows
    assert rows == found.select(["twice", "odd", "told"]).to_pylist()
    assert check_parity(session, "doubled", ParitySpec(entities=30)).ok


def test_a_function_that_fails_or_looks_at_other_rows_is_refused(session: Session) -> None:
    def of(function: Any) -> FeatureView:
        return on_demand(
            request={"a": float}, outputs={"x": float}, owner="ann", description="x"
        )(function)  # fmt: skip

    refused(session, of(fails), "fails failed on 8 rows: KeyError: .*nope")
    refused(session, of(ranks), "for that row alone")
    refused(session, of(shortens), "has 1 values for 8 rows|has 0 values")
    refused(session, of(says_text), "'x' of says_text is no float64")


def uses_what_comes_later(rows: pa.Table) -> Any:
    return NOT_THERE  # type: ignore[name-defined]  # noqa: F821


def fails(rows: pa.Table) -> Any:
    return rows["nope"]


def ranks(rows: pa.Table) -> Any:
    return pc.subtract(rows["a"], pc.mean(rows["a"]))


def shortens(rows: pa.Table) -> Any:
    return rows["a"].slice(0, 1)


def says_text(rows: pa.Table) -> Any:
    return ["a"] * rows.num_rows
