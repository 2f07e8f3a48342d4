"""A column's sensitivity follows it into all that is made of it, and says by which way."""

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.control.privacy.levels import hidden, levels
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import ColumnNote, DatasetSpec, SplitSpec, commit_table, declare, split
from bucle.lifecycle.data.sensitivity.records import ColumnLevel
from bucle.lifecycle.features import Aggregation, Entity, FeatureView, OnDemand, register_view
from tests.support.linear import register_linear

VIEWER = Principal(name="eva", grants=(Grant(role="viewer", project="*"),))


def found(session: Session, ref: str) -> dict[str, tuple[str, str]]:
    return {each.column: (each.level, each.how) for each in levels(session, ref).columns}


def column(session: Session, ref: str, name: str) -> ColumnLevel:
    return next(each for each in levels(session, ref).columns if each.column == name)


def derive(session: Session, name: str, table: pa.Table, source: str) -> None:
    """Commit what a run made of another dataset."""
    made = commit_table(session, name, table)
    with session.begin() as scope:
        run = Ref("run", scope.new_id())
        scope.link(Ref.parse(source), run, "read")
        scope.link(run, made.ref, "made")


def view(**more: object) -> FeatureView:
    fields = {
        "name": "spend", "entity": Entity(name="customer", keys=("customer",)), "owner": "ana",
        "source": "customers", "time": "moment", "description": "what they spend",
    }  # fmt: skip
    return FeatureView(**(fields | more))  # type: ignore[arg-type]


def test_what_is_declared_of_a_column_holds_for_it(customers: Session) -> None:
    assert found(customers, "customers")["email"] == ("personal", "declared")
    assert found(customers, "customers")["city"] == ("none", "none")
    assert levels(customers, "customers").highest == "personal"


def test_a_derived_column_of_the_same_name_is_as_sensitive_and_says_where_from(
    customers: Session,
) -> None:
    derive(customers, "mails", pa.table({"email": ["x"], "n": [1]}), "dataset:customers@2")
    mail = column(customers, "mails", "email")
    assert (mail.level, mail.how) == ("personal", "same name")
    assert mail.path == ("dataset:customers@2.email", "dataset:mails@1.email")


def test_what_code_made_is_as_sensitive_as_the_worst_that_went_in_until_it_is_declared(
    customers: Session,
) -> None:
    derive(customers, "sums", pa.table({"total": [6.0]}), "dataset:customers@2")
    assert found(customers, "sums") == {"total": ("personal", "code")}
    with customers.begin() as scope:
        declare(scope, DatasetSpec(name="sums", columns={"total": ColumnNote(sensitivity="none")}))
    assert found(customers, "sums") == {"total": ("none", "declared")}


def test_it_follows_over_several_datasets(customers: Session) -> None:
    derive(customers, "one", pa.table({"email": ["x"]}), "dataset:customers@2")
    derive(customers, "two", pa.table({"mail": ["x"]}), "dataset:one@1")
    assert column(customers, "two", "mail").path == (
        "dataset:customers@2.email", "dataset:one@1.email", "dataset:two@1.mail",
    )  # fmt: skip


def test_datasets_that_were_made_of_each_other_end_somewhere(customers: Session) -> None:
    derive(customers, "one", pa.table({"email": ["x"]}), "dataset:customers@2")
    derive(customers, "two", pa.table({"email": ["x"]}), "dataset:one@1")
    derive(customers, "one", pa.table({"email": ["y"]}), "dataset:two@1")
    assert found(customers, "one")["email"] == ("personal", "same name")


def test_a_project_without_sensitive_columns_has_none_anywhere(session: Session) -> None:
    commit_table(session, "plain", pa.table({"a": [1]}))
    assert found(session, "plain") == {"a": ("none", "none")}


def test_a_split_has_the_levels_of_its_version(customers: Session) -> None:
    made = split(customers, "customers", SplitSpec(name="hold", fit=0.4, select=0.3))
    assert found(customers, str(made.ref))["email"] == ("personal", "declared")


def test_columns_and_figures_of_a_view_are_as_sensitive_as_what_they_are_of(
    session: Session,
) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(
            name="customers",
            columns={
                "email": ColumnNote(sensitivity="personal"),
                "amount": ColumnNote(sensitivity="sensitive"),
            },
        ))  # fmt: skip
    commit_table(session, "customers", pa.table({
        "customer": [1], "moment": pa.array([0], pa.timestamp("us", "UTC")), "email": ["x"],
        "amount": [1.0], "city": ["y"],
    }))  # fmt: skip
    with session.begin() as scope:
        register_view(scope, view(
            columns=("email", "city"),
            aggregations=(
                Aggregation(function="mean", column="amount", window="7d"),
                Aggregation(function="count", column="amount", window="7d"),
            ),
        ))  # fmt: skip
    assert found(session, "feature_view:spend") == {
        "customer": ("none", "none"),
        "moment": ("none", "none"),
        "email": ("personal", "column"),
        "city": ("none", "none"),
        "amount_mean_7d": ("sensitive", "figure"),
        "amount_count_7d": ("none", "none"),
    }


def test_what_is_computed_on_demand_is_as_sensitive_as_the_worst_feature_it_is_made_of(
    session: Session,
) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(
            name="customers", columns={"amount": ColumnNote(sensitivity="sensitive")}
        ))  # fmt: skip
    commit_table(session, "customers", pa.table({
        "customer": [1], "moment": pa.array([0], pa.timestamp("us", "UTC")), "amount": [1.0],
    }))  # fmt: skip
    mean = Aggregation(function="mean", column="amount", window="7d")
    doubled = OnDemand(name="doubled", sql="2 * amount_mean_7d")
    with session.begin() as scope:
        register_view(scope, view(aggregations=(mean,)))
        register_view(scope, FeatureView(
            name="now", owner="ana", description="twice", inputs=("spend",), on_demand=(doubled,)
        ))  # fmt: skip
    assert found(session, "feature_view:now") == {"doubled": ("sensitive", "code")}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT customer, moment, upper(email) AS tag FROM source", ("personal", "sql")),
        ("SELECT customer, moment, city AS tag FROM source", ("none", "none")),
        ("SELECT customer, moment, (SELECT max(city) FROM source) AS tag FROM source",
         ("personal", "column")),  # nobody knows: the worst
    ],
)  # fmt: skip
def test_a_views_statement_is_looked_into_and_what_is_not_understood_is_the_worst(
    session: Session, sql: str, expected: tuple[str, str]
) -> None:
    with session.begin() as scope:
        declare(
            scope,
            DatasetSpec(name="customers", columns={"email": ColumnNote(sensitivity="personal")}),
        )
    commit_table(session, "customers", pa.table({
        "customer": [1], "moment": pa.array([0], pa.timestamp("us", "UTC")), "email": ["x"],
        "city": ["y"],
    }))  # fmt: skip
    with session.begin() as scope:
        register_view(scope, view(sql=sql, columns=("tag",)))
    assert found(session, "feature_view:spend")["tag"] == expected


def test_a_model_knows_which_of_its_inputs_are_sensitive(session: Session) -> None:
    with session.begin() as scope:
        declare(
            scope, DatasetSpec(name="rides", columns={"city": ColumnNote(sensitivity="personal")})
        )
    rides = commit_table(session, "rides", pa.table({"heat": [1.0], "city": ["here"]}))
    version = register_linear(session, "demand", 2.0)
    with session.begin() as scope:
        scope.link(rides.ref, version.ref, "trained")
    assert found(session, "model:demand") == {
        "heat": ("none", "none"),
        "city": ("personal", "same name"),
        "count": ("personal", "code"),  # of no column that is known: the worst of what went in
    }
    assert column(session, "model:demand", "city").path == (
        "dataset:rides@1.city", "model:demand@1.city",
    )  # fmt: skip


def test_only_who_may_see_sensitive_columns_has_none_hidden(
    customers: Session, house: House
) -> None:
    assert hidden(customers, "customers") == frozenset()
    assert hidden(house.session(VIEWER), "customers") == {"email"}


def test_a_thing_without_columns_and_one_that_is_not_there_are_errors(session: Session) -> None:
    with pytest.raises(Invalid, match="has no columns"):
        levels(session, "run:x")
    with pytest.raises(NotFound):
        levels(session, "nothing")
