"""What a compiled condition finds, on both databases, and that its values are always bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Double,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from bucle.base.filters import Condition
from bucle.drivers.db import open_database
from bucle.drivers.db.filters import Beside, compile_filter, owners

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", String, primary_key=True),
    Column("weight", Double),
)
tags = Table(
    "thing_tags",
    metadata,
    Column("thing", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String),
)
PLACES = {
    "attribute": lambda key: things.c[key],
    "tag": lambda key: Beside(
        owner=things.c.id, of=tags.c.thing, value=tags.c.value, where=(tags.c.name == key,)
    ),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'things.db'}"
    else:
        url = request.getfixturevalue("postgresql_url")
    database = open_database(url)
    with database.begin() as tx:
        metadata.create_all(tx)
        tx.execute(
            insert(things),
            [{"id": "a", "weight": 1.5}, {"id": "b", "weight": 2.5}, {"id": "c", "weight": None}],
        )
        tx.execute(
            insert(tags),
            [
                {"thing": "a", "name": "team", "value": "Risk[1]*"},
                {"thing": "b", "name": "team", "value": "fraud\\"},
                {"thing": "b", "name": "x", "value": "Risk"},
            ],
        )
    yield database
    database.close()


@pytest.mark.parametrize(
    ("group", "key", "operator", "value", "found"),
    [
        ("attribute", "weight", ">", 2, "b"),
        ("attribute", "weight", "<=", 2.5, "ab"),
        ("attribute", "weight", "<", float("inf"), "ab"),
        ("attribute", "weight", "!=", 1.5, "b"),
        ("attribute", "id", "IN", ("a", "c"), "ac"),
        ("attribute", "id", "NOT IN", ("a", "c"), "b"),
        ("tag", "team", "=", "Risk[1]*", "a"),
        ("tag", "team", "!=", "Risk[1]*", "b"),
        ("tag", "team", "LIKE", "Risk%", "a"),
        ("tag", "team", "LIKE", "risk%", ""),
        ("tag", "team", "LIKE", "Risk[1]*", "a"),
        ("tag", "team", "LIKE", "Risk?%", ""),
        ("tag", "team", "LIKE", "fraud\\", "b"),
        ("tag", "team", "LIKE", "fraud_", "b"),
        ("tag", "team", "ILIKE", "RISK%", "a"),
        ("tag", "team", "ILIKE", "FRAUD\\", "b"),
        ("tag", "team", "RLIKE", "^f.*d", "b"),
        ("tag", "x", "IS NULL", None, "ac"),
        ("tag", "x", "IS NOT NULL", None, "b"),
        ("tag", "'; DROP TABLE things; --", "=", "' OR 1=1 --", ""),
    ],
)
def test_a_condition_finds_the_same_on_both_databases(database, group, key, operator, value, found):
    condition = Condition(group=group, key=key, operator=operator, value=value)
    where = compile_filter([condition], PLACES, database.dialect)
    with database.begin(write=False) as tx:
        ids = tx.scalars(select(things.c.id).where(*where).order_by(things.c.id)).all()
    assert "".join(ids) == found


_NO_NUL = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@given(st.text(_NO_NUL), st.text(_NO_NUL), st.sampled_from(["=", "!=", "LIKE", "ILIKE"]))
def test_whatever_is_asked_the_statement_is_the_same_text(key, value, operator):
    """A statement whose text does not depend on key and value holds neither."""
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        texts = {
            str(
                select(things.c.id)
                .where(
                    *compile_filter(
                        [Condition(group="tag", key=k, operator=operator, value=v)],
                        PLACES,
                        dialect.name,
                    )
                )
                .compile(dialect=dialect)
            )
            for k, v in [(key, value), ("key", "value")]
        }
        assert len(texts) == 1


_ALIKE = st.text(st.sampled_from("abAé%_*["), max_size=6)


@given(
    st.lists(_ALIKE, max_size=6),
    _ALIKE,
    st.sampled_from(["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"]),
)
def test_the_letters_that_an_index_has_change_no_answer(texts, asked, operator):
    """Whether or not a text is longer than what lies in the index."""
    rows = Table("rows", MetaData(), Column("id", String), Column("text", String),
                 Column("short", String))  # fmt: skip
    condition = Condition(group="tag", key="", operator=operator, value=asked)
    with create_engine("sqlite://").connect() as tx:
        rows.create(tx)
        for number, text in enumerate(texts):
            tx.execute(insert(rows).values(id=str(number), text=text, short=text[:3]))
        found = []
        for short in (None, (rows.c.short, 3)):
            place = Beside(
                owner=things.c.id, of=rows.c.id, value=rows.c.text, where=(), short=short
            )
            found.append(tx.scalars(owners(condition, place, "sqlite")).all())
        assert found[0] == found[1]


@given(st.text(_NO_NUL), st.text(_NO_NUL, max_size=8))
def test_like_without_wild_cards_is_equality(text, other):
    engine = create_engine("sqlite://")
    plain = text.replace("%", "x").replace("_", "x")
    with engine.connect() as tx:
        tx.exec_driver_sql("CREATE TABLE things (id TEXT, weight DOUBLE)")
        tx.execute(insert(things).values(id=plain))
        for asked in (plain, other):
            if "%" in asked or "_" in asked:
                continue
            where = compile_filter(
                [Condition(group="attribute", key="id", operator="LIKE", value=asked)],
                PLACES,
                "sqlite",
            )
            assert bool(tx.execute(select(things.c.id).where(*where)).all()) == (plain == asked)
