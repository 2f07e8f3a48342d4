"""Suites of other tools, and that their verdicts are ours on the same rows.

What the real libraries wrote and said lies in `suites/`, made by its `produce.py`.
"""

import json
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bucle.base.errors import Denied, Invalid, Refused
from bucle.drivers.blobs.content import store_bytes
from bucle.drivers.engine import Engine, open_engine
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    SuiteFile,
    SuiteImport,
    check_table,
    commit_table,
    declare,
    find_spec,
    import_expectations,
)
from bucle.lifecycle.data.suites import great_expectations
from bucle.lifecycle.data.suites.arguments import NoCounterpartError
from bucle.lifecycle.data.suites.importing import format_of_tree, parsed, suites_of

SUITES = Path(__file__).parent / "suites"
TABLE = pa.table(json.loads((SUITES / "rows.json").read_text()))
NOW = datetime(2026, 11, 28, tzinfo=UTC)
SAID = json.loads((SUITES / "great_expectations_said.json").read_text())
LEFT_OUT = {  # of the suite of 1.x, by their places
    4: "table_column_count", 27: "looks around", 62: "kl_divergence", 63: "row_condition",
}  # fmt: skip


@cache
def shared_engine() -> Engine:
    return open_engine("duckdb:")


LAUGHS = b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + b"".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n".encode()
    for before, name in pairwise("abcdefgh")
)


def judged(*expectations: Expectation) -> dict[str, bool]:
    types = {field.name: field.type for field in TABLE.schema}
    spec = DatasetSpec(name="trips", expectations=expectations)
    report = check_table(shared_engine(), TABLE, spec=spec, types=types, now=NOW)
    return {verdict.name: verdict.ok for verdict in report.verdicts}


def suites(name: str) -> Any:
    tree = parsed((SUITES / name).read_bytes())
    return suites_of(tree, format_of_tree(tree))


def imported(session: Session, content: bytes, **wish: Any) -> SuiteImport:
    digest = store_bytes(session.drivers.blobs, content)
    with session.begin() as scope:
        return import_expectations(scope, SuiteFile(digest=digest, **wish))


@pytest.mark.parametrize("place", [n for n in range(len(SAID)) if n not in LEFT_OUT])
def test_what_great_expectations_says_of_rows_is_said_here(place: int) -> None:
    said = SAID[place]
    found = great_expectations.convert(said["type"], said["kwargs"])
    assert all(judged(*found).values()) is said["success"]


def test_what_can_not_be_said_of_a_suite_is_left_out_by_name() -> None:
    (suite,) = suites("great_expectations_1.json")
    assert len(suite.left_out) == len(LEFT_OUT)
    for left, words in zip(suite.left_out, LEFT_OUT.values(), strict=True):
        assert words in f"{left.name} {left.why}"


def test_a_suite_of_the_years_before_is_read_too() -> None:
    (suite,) = suites("great_expectations_0.json")
    assert suite.table == "trips"
    assert suite.expectations == (Expectation(column="id", not_null=True),)
    assert [(left.about, left.why) for left in suite.left_out] == [
        ("fare", "it is given at run time: most"),
        ("code", "nothing here expects the same"),
    ]


@pytest.mark.parametrize("file", ["pandera.yaml", "pandera.json"])
def test_what_pandera_says_of_rows_is_said_here(file: str) -> None:
    (suite,) = suites(file)
    failed = {name for name, ok in judged(*suite.expectations).items() if not ok}
    assert failed == {
        "id less_than max_value=6",
        "fare is unique", "fare <= 100", "fare not_equal_to value=9.25", "tip has a value",
        "code str_matches pattern='[AB]-'", "code str_contains pattern='1'",
        "code str_startswith string='A'", "code str_endswith string='1'",
        "flag equal_to value=True", "level, flag unique together",
    }  # fmt: skip
    assert {left.about for left in suite.left_out} == {"level", "more"}


def test_the_failures_of_pandera_are_as_many() -> None:
    said = json.loads((SUITES / "pandera_said.json").read_text())
    checks = {(column if check != "multiple_fields_uniqueness" else "", check)
              for column, check in said}  # fmt: skip
    (suite,) = suites("pandera.yaml")
    refusing = [each for each in suite.expectations if each.action == "fail"]
    assert sum(not ok for ok in judged(*refusing).values()) == len(checks)


def test_an_older_schema_of_pandera_is_read_too() -> None:
    (suite,) = suites("pandera_0.7.yaml")
    assert [(each.column, each.action) for each in suite.expectations if not each.sql] == [
        ("id", "fail"), ("id", "fail"), ("id", "fail"), ("code", "fail"),
    ]  # fmt: skip
    assert [(each.name, each.action) for each in suite.expectations if each.sql] == [
        ("id greater_than min_value=0", "fail"), ("id less_than max_value=6", "warn"),
        ("code str_matches pattern='[AB]-'", "fail"),
    ]  # fmt: skip
    assert [(left.name, left.about) for left in suite.left_out] == [
        ("isin", "code"), ("my_check", ""), ("strict", ""),
    ]  # fmt: skip


def test_the_tests_of_a_dbt_project_are_read() -> None:
    orders, customers = suites("schema.yml")
    assert (orders.table, customers.table) == ("orders", "customers")
    assert Expectation(column="id", unique=True) in orders.expectations
    assert Expectation(column="city", among=("Ulm", "Bonn", "Kiel"), action="warn") in (
        orders.expectations
    )
    assert Expectation(column="city", references="cities.name") in orders.expectations
    assert customers.expectations == (Expectation(column="at", fresh_within="2d"),)
    assert [(left.name, left.about) for left in orders.left_out] == [
        ("dbt_utils.equal_rowcount", ""), ("my_own_test", ""),
        ("not_null", "level"), ("not_null", "fare"),
    ]  # fmt: skip


def test_the_tests_of_a_dbt_project_judge_as_dbt_counts() -> None:
    orders, _ = suites("schema.yml")
    said = judged(*(each for each in orders.expectations if not each.references))
    assert {name: ok for name, ok in said.items() if not ok} == {
        # `flag` is false in two of the rows; level 3 with a true flag is the last row.
        "level accepted_values values=[1, 2], quote=False, where='flag'": False,
        "level accepted_range min_value=1, inclusive=False": False,
        "expression_is_true expression='fare >= tip'": False,
        "city among Ulm, Bonn, Kiel": False,
    }


def test_an_import_adds_to_what_is_declared_and_again_adds_nothing(session: Session) -> None:
    mine = Expectation(column="id", min=0)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="rides", key=("id",), expectations=(mine,)))
    content = (SUITES / "great_expectations_0.json").read_bytes()
    first = imported(session, content, name="rides")
    assert first.suites[0].added == 1
    assert [(left.dataset, left.about) for left in first.left_out] == [
        ("rides", "fare"), ("rides", "code"),
    ]  # fmt: skip
    assert imported(session, content, name="rides").suites[0].added == 0
    with session.begin(write=False) as scope:
        spec = find_spec(scope, "rides")
    assert spec is not None
    assert spec.key == ("id",)
    assert spec.expectations == (mine, Expectation(column="id", not_null=True))


def test_a_dry_run_declares_nothing(session: Session) -> None:
    content = (SUITES / "schema.yml").read_bytes()
    found = imported(session, content, dry_run=True)
    assert [suite.dataset.name for suite in found.suites] == ["orders", "customers"]
    with session.begin(write=False) as scope:
        assert find_spec(scope, "orders") is None


def test_an_imported_suite_judges_commits(session: Session) -> None:
    content = (SUITES / "great_expectations_1.json").read_bytes()
    imported(session, content, name="trips")
    with pytest.raises(Refused, match=r"breaks 2\d of"):
        commit_table(session, "trips", TABLE)


@pytest.mark.parametrize(
    ("content", "wish", "said"),
    [
        (b"{", {}, "neither JSON nor YAML"),
        (b"\xff\xfe\x00", {}, "neither JSON nor YAML"),
        (b"[1]", {}, "holds no object"),
        (b"a: 1", {}, "no suite that is known"),
        (b'{"expectations": []}', {}, "expects nothing"),
        (b'{"expectations": [3]}', {}, "not of great_expectations"),
        (b'{"columns": {"a": {"nullable": false}}}', {}, "does not say of which dataset"),
        (b'{"columns": {"a": 3}}', {"name": "x"}, "not of pandera"),
        ((SUITES / "schema.yml").read_bytes(), {"name": "other"}, "says nothing of 'other'"),
        (b"models: []", {"format": "csv"}, "not a format of suites"),
        (b"[" * 100_000, {}, "neither JSON nor YAML"),
        (LAUGHS, {}, "more than 1000000 values"),
        (b'{"columns": {"a": {}}, "name": "a/b@3"}', {}, "a/b@3"),
    ],
)
def test_a_file_that_is_no_suite_says_what_is_wrong(
    session: Session, content: bytes, wish: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        imported(session, content, **wish)


def test_who_may_not_write_a_dataset_imports_nothing(house: House) -> None:
    digest = store_bytes(house.drivers.blobs, (SUITES / "schema.yml").read_bytes())
    session = house.session(actor=ANONYMOUS)
    with pytest.raises(Denied), session.begin() as scope:
        import_expectations(scope, SuiteFile(digest=digest))


@pytest.mark.parametrize(
    ("type_", "given", "why"),
    [
        ("expect_column_values_to_be_unique", {"column": "a", "mostly": 0}, None),
        ("expect_column_values_to_be_between", {"column": "a"}, "no limit"),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}, "no values"),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": "ab"}, "no list"),
        ("expect_column_values_to_match_regex", {"column": "a", "regex": "("}, "no pattern"),
        ("expect_column_values_to_not_be_null", {"column": 3}, "column is 3"),
        ("expect_column_max_to_be_between", {"column": "a", "max_value": 10**400}, "beyond"),
        ("expect_column_sum_to_be_between", {"column": "a", "max_value": float("inf")}, "beyond"),
        ("expect_column_values_to_be_of_type", {"column": "a", "type_": "INTEGER"}, "INTEGER"),
    ],
)
def test_a_test_of_no_sense_is_left_out_and_no_guess(
    type_: str, given: dict[str, Any], why: str | None
) -> None:
    if why is None:
        assert judged(*great_expectations.convert(type_, {**given, "column": "fare"}))
        return
    with pytest.raises(NoCounterpartError, match=why):
        great_expectations.convert(type_, given)
