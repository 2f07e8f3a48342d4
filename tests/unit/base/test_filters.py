"""What a search string means, and that whatever else it is, it is `Invalid`."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.base.filters import (
    EQUAL,
    LIKE,
    LISTED,
    NUMERIC,
    PRESENT,
    Condition,
    Group,
    Kind,
    Language,
    OrderTerm,
    parse_filter,
    parse_order,
)

NUMBER = Kind(type="number", operators=NUMERIC)
RUNS = Language(
    groups=(
        Group(name="metric", spellings=frozenset({"metric", "metrics"}), keys=NUMBER),
        Group(
            name="tag",
            spellings=frozenset({"tag", "tags"}),
            keys=Kind(type="text", operators=LIKE | PRESENT | {"RLIKE"}),
        ),
        Group(
            name="feedback",
            spellings=frozenset({"feedback"}),
            keys=Kind(type="any", operators=NUMERIC),
        ),
        Group(
            name="attribute",
            spellings=frozenset({"attribute", "attributes"}),
            keys={
                "start_time": NUMBER,
                "status": Kind(type="text", operators=EQUAL),
                "run_id": Kind(type="text", operators=LIKE | LISTED),
                "run name": Kind(type="text", operators=LIKE),
            },
            aliases={"created": "start_time"},
        ),
    )
)


@pytest.mark.parametrize(
    ("text", "group", "key", "operator", "value"),
    [
        ("metrics.auc > 0.9", "metric", "auc", ">", 0.9),
        ("metric.auc>=1", "metric", "auc", ">=", 1),
        ("metrics.auc!=-1.5E-3", "metric", "auc", "!=", -0.0015),
        ("metrics.`val loss` < .5", "metric", "val loss", "<", 0.5),
        ('metrics."val loss" <= 5.', "metric", "val loss", "<=", 5.0),
        ("metrics.a/b = 1", "metric", "a/b", "=", 1),
        ("metrics.größe.λ = 1", "metric", "größe.λ", "=", 1),
        (f"metrics.m > {2**70}", "metric", "m", ">", 2.0**70),
        (f"metrics.m < {'9' * 400}", "metric", "m", "<", float("inf")),
        ("tags.mlflow.source.name = 'x'", "tag", "mlflow.source.name", "=", "x"),
        ('tags.a = "it\'s"', "tag", "a", "=", "it's"),
        ("tags.a = 'say \"AND\" = 1'", "tag", "a", "=", 'say "AND" = 1'),
        ("tags.a = 'it''s'", "tag", "a", "=", "it''s"),
        ("tags.a = ''", "tag", "a", "=", ""),
        ("`tags`.`a` LIKE '%x_'", "tag", "a", "LIKE", "%x_"),
        ("tags.a ilike 'X'", "tag", "a", "ILIKE", "X"),
        ("tags.a RLIKE '^a+$'", "tag", "a", "RLIKE", "^a+$"),
        ("tags.a IS NULL", "tag", "a", "IS NULL", None),
        ("tags.a is  not\tnull", "tag", "a", "IS NOT NULL", None),
        ("status = 'FINISHED'", "attribute", "status", "=", "FINISHED"),
        ("attributes.created > 5", "attribute", "start_time", ">", 5),
        ("attribute.`run name` = 'x'", "attribute", "run name", "=", "x"),
        ("run_id IN ('a', \"b\")", "attribute", "run_id", "IN", ("a", "b")),
        ("run_id not  in('a',)", "attribute", "run_id", "NOT IN", ("a",)),
        ("feedback.good = 'yes'", "feedback", "good", "=", "yes"),
        ("feedback.good > 0.5", "feedback", "good", ">", 0.5),
    ],
)
def test_a_comparison_becomes_a_condition(text, group, key, operator, value):
    expected = Condition(group=group, key=key, operator=operator, value=value)
    assert parse_filter(text, RUNS) == (expected,)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_filter_has_no_conditions(text):
    assert parse_filter(text, RUNS) == ()


def test_comparisons_are_joined_by_and_in_any_case():
    found = parse_filter("metrics.a > 1 AND tags.b = 'and'\n and status != 'x'", RUNS)
    assert [one.key for one in found] == ["a", "b", "status"]


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a",
        "metrics.a >",
        "metrics.a > 'text'",
        "metrics.a > nan",
        "metrics.a > 1 OR metrics.b > 2",
        "metrics.a > 1 AND",
        "metrics.a > 1 metrics.b > 2",
        "metrics.a > 1AND metrics.b > 2",
        "metrics.a == 1",
        "metrics.a <> 1",
        "metrics.a LIKE 'x'",
        "metrics.a IS NULL",
        "metrics. > 1",
        "(metrics.a > 1)",
        "metrics.a > 1; DROP TABLE runs",
        "metrics.a > 1 -- ",
        "tags.a = 1",
        "tags.a = x",
        "tags.a = `x`",
        "tags.a = 'x",
        "tags.a = 'x'y",
        "tags.a > 'x'",
        "tags.a RLIKE '('",
        "tags.a IN ('x')",
        "tags.a = 'nul\0'",
        "tags.a = '\ud800'",
        "colour.a = 'x'",
        "attributes.colour = 'x'",
        "colour = 'x'",
        "start_time > 'yesterday'",
        "start_time > (1)",
        "run_id IN ()",
        "run_id IN ('a' 'b')",
        "run_id IN (1, 2)",
        "run_id IN ('a'",
        "run_id = ('a')",
        "run_id IN 'a'",
        "AND",
        "1 = 1",
        "'a' = 'a'",
        " and ".join(["metrics.a > 1"] * 101),
        "run_id IN (" + "'a'," * 10_001 + ")",
        "tags.a = '" + "x" * 500_000 + "'",
    ],
)
def test_what_is_malformed_or_unknown_is_invalid(text):
    with pytest.raises(Invalid):
        parse_filter(text, RUNS)


def test_the_refusal_of_an_operator_names_those_that_are_taken():
    with pytest.raises(Invalid, match="LIKE") as raised:
        parse_filter("metrics.a LIKE 'x'", RUNS)
    assert "!=" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("metrics.a", OrderTerm(group="metric", key="a")),
        ("metrics.`a b` DESC", OrderTerm(group="metric", key="a b", descending=True)),
        ("tags.'a b' asc", OrderTerm(group="tag", key="a b")),
        ("start_time desc", OrderTerm(group="attribute", key="start_time", descending=True)),
        ("attribute.created", OrderTerm(group="attribute", key="start_time")),
    ],
)
def test_a_term_of_an_order_is_a_field_and_perhaps_a_direction(text, term):
    assert parse_order(text, RUNS) == term


@pytest.mark.parametrize("text", ["", "metrics.a UP", "metrics.a DESC, b", "colour", "a.b.c"])
def test_an_order_by_anything_else_is_invalid(text):
    with pytest.raises(Invalid):
        parse_order(text, RUNS)


PIECES = st.sampled_from(
    ["metrics.", "tags", ".", "`", '"', "'", "a", " ", " AND ", "=", "!=", "<", ">", "LIKE", " IN ",
     "(", ")", ",", "1", "-", "e9", "run_id", "status", "IS NULL", " not ", "\\", ";", "--", "%",
     "RLIKE", "[", "*", "\0", "é"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_at_all_is_parsed_or_invalid(text):
    for parse in (parse_filter, parse_order):
        with contextlib.suppress(Invalid):
            parse(text, RUNS)


@given(
    st.text(st.characters(exclude_characters="'\0\\", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_characters="`\0", exclude_categories=["Cs"]), min_size=1),
)
def test_every_name_and_text_can_be_asked_for_in_quotes(value, key):
    (found,) = parse_filter(f"tags.`{key}` = '{value}'", RUNS)
    assert (found.key, found.value) == (key, value)
