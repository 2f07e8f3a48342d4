"""A version is explored: its findings in order, once, the same each time, over all rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Denied, Invalid, NotFound
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Exploration,
    Wish,
    commit_table,
    declare,
    drift,
    explore,
    said,
)
from bucle.lifecycle.data.explore import sample as sampling
from bucle.lifecycle.data.explore.phrases import PHRASES
from bucle.lifecycle.data.explore.records import SEVERITIES
from bucle.testing.houses import open_test_house

ROWS = 3_000
START = datetime(2025, 6, 2, tzinfo=UTC)


def rides(seed: int = 1, *, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    hours = [hour for hour in range(4_000) if not 1_000 <= hour < 1_050][:ROWS]
    at = [START + timedelta(hours=hour) for hour in hours]
    late = (np.arange(ROWS) % 12 == 0).astype(int)
    temperature = rng.normal(18, 6, ROWS)
    temperature[:600] = np.nan
    far = rng.exponential(3.0, ROWS) + shift
    far[::100] *= 400
    return pa.table({
        "id": np.arange(ROWS), "at": at, "arrived": [one + timedelta(minutes=9) for one in at],
        "zone": rng.choice(["a", "b", "c"], ROWS), "far": far,
        "celsius": temperature, "fahrenheit": temperature * 1.8 + 32,
        "vendor": ["x"] * ROWS, "note": [" " if place % 9 else None for place in range(ROWS)],
        "refund": np.where(late == 1, rng.normal(5, 1, ROWS), 0.0), "late": late,
    })  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Yield one house for all: exploring changes nothing."""
    house = open_test_house(tmp_path_factory.mktemp("explored"))
    yield house
    house.close()


@pytest.fixture(scope="module")
def session(house: House) -> Session:
    session = house.session()
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="rides", time="at"))
    commit_table(session, "rides", rides())
    moved = rides(2, shift=4.0).drop_columns(["vendor"])
    commit_table(session, "moved", moved)
    return session


@pytest.fixture(scope="module")
def found(session: Session) -> Exploration:
    return explore(session, "rides", Wish(target="late"))


def columns_of(found: Exploration, kind: str) -> list[tuple[str, ...]]:
    return [one.columns for one in found.findings if one.kind == kind]


EXPECTED = [
    ("leak", [("refund",)]), ("later", [("arrived",)]),
    ("twins", [("celsius", "fahrenheit")]), ("gaps", [("at",)]), ("outliers", [("far",)]),
    ("constant", [("note",), ("vendor",)]), ("identifier", [("id",)]),
    ("missing", [("celsius",), ("fahrenheit",), ("note",)]), ("blank", [("note",)]),
    ("missing_together", [("celsius", "fahrenheit"), ("celsius", "fahrenheit", "note")]),
    ("repeated_rows", []), ("key_repeats", []), ("sampled", []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "columns"), EXPECTED)
def test_what_is_wrong_with_the_data_is_found(
    found: Exploration, kind: str, columns: list[tuple[str, ...]]
) -> None:
    assert sorted(columns_of(found, kind)) == sorted(columns)


def test_what_stops_a_project_comes_first(found: Exploration) -> None:
    severities = [SEVERITIES.index(one.severity) for one in found.findings]
    assert severities == sorted(severities)
    assert (found.findings[0].kind, found.findings[0].severity) == ("leak", "stop")


def test_every_finding_is_said_in_both_languages(found: Exploration) -> None:
    for one in found.findings:
        english, spanish = said(one, "en"), said(one, "es")
        assert english == (one.says, one.advice)
        assert spanish != english


@pytest.mark.parametrize("kind", PHRASES)
def test_a_phrase_asks_for_the_same_figures_in_both_languages(kind: str) -> None:
    def fields(text: str) -> set[str]:
        return {part.split("}")[0] for part in text.split("{")[1:]}

    assert fields(PHRASES[kind].says[0]) == fields(PHRASES[kind].says[1])
    assert fields(PHRASES[kind].advice[1]) <= fields("".join(PHRASES[kind].says)) | {
        "target",
        "column",
    }


def test_outliers_are_counted_over_all_rows(found: Exploration) -> None:
    far = rides().column("far").to_numpy()
    low, middle, high = np.quantile(far, (0.25, 0.5, 0.75))
    mad = np.median(np.abs(far - middle))
    out = found.column("far").outliers
    assert out.median == pytest.approx(middle)
    assert out.robust == int((np.abs(far - middle) > 5 * 1.4826 * mad).sum())
    reach = 3 * (high - low)
    assert out.beyond == int(((far < low - reach) | (far > high + reach)).sum())
    assert out.highest[0] == far.max()


def test_who_asks_twice_gets_what_was_found_and_nothing_is_computed(
    session: Session, found: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    module = import_module("bucle.lifecycle.data.explore.explore")
    monkeypatch.setattr(module, "_explored", no)
    assert explore(session, "rides", Wish(target="late")) == found


def test_another_house_finds_the_same(found: Exploration, tmp_path_factory) -> None:
    other = open_test_house(tmp_path_factory.mktemp("other"))
    session = other.session()
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="rides", time="at"))
    commit_table(session, "rides", rides())
    assert explore(session, "rides", Wish(target="late")) == found
    other.close()


def test_a_large_table_is_sampled_and_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MOST_ROWS", 1_200)
    found = explore(session, "rides", Wish(target="late", time="arrived"))
    assert 1_000 < found.sampled < 1_400
    assert columns_of(found, "sampled") == [()]
    assert found.column("far").profile.count == ROWS
    assert columns_of(found, "leak") == [("refund",)]


def test_repeated_rows_and_keys_are_counted(session: Session) -> None:
    table = pa.concat_tables([rides(), rides().slice(0, 90)])
    commit_table(session, "twice", table)
    found = explore(session, "twice")
    assert found.duplicates.rows == 90
    assert columns_of(found, "repeated_rows") == [()]


def test_a_version_is_compared_with_another(session: Session) -> None:
    found = explore(session, "moved", Wish(against="rides@1"))
    assert columns_of(found, "schema") == [("vendor",)]
    assert ("far",) in columns_of(found, "drift")
    assert ("zone",) not in columns_of(found, "drift")
    assert found.drift == drift(session, "rides@1", "moved")
    assert not found.drift.ok
    assert set(found.drift.ignored) == {"arrived", "at", "id"}


def test_a_version_has_not_moved_from_itself(session: Session) -> None:
    same = drift(session, "rides", "rides@1")
    assert same.ok
    assert {one.psi for one in same.columns} == {0.0}
    assert drift(session, "rides", "moved", max_psi=99.0, max_missing=1.0).ok is False  # schema


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(target="lat"), "the target 'lat' is no column"),
        (Wish(time="zone"), "the time 'zone' of dataset:rides@1 is string"),
        (Wish(created="far"), "the created 'far'"),
    ],
)
def test_what_can_not_be_looked_at_is_named(session: Session, wish: Wish, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        explore(session, "rides", wish)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_version_that_is_not_there_or_may_not_be_read_is_not_explored(
    house: House, session: Session
) -> None:
    with pytest.raises(NotFound):
        explore(session, "rides@9")
    with pytest.raises(Denied):
        explore(house.session(ANONYMOUS), "rides")


def test_tables_of_strange_columns_are_explored(session: Session) -> None:
    nothing = pa.table({
        "none": pa.array([None] * 60, pa.float64()), "list": [[1, 2]] * 60,
        "inf": [float("inf"), 1.0] * 30, "yes": [True, None] * 30, 'odd "name"': range(60),
    })  # fmt: skip
    commit_table(session, "strange", nothing)
    found = explore(session, "strange", Wish(target="yes"))
    kinds = {one.kind for one in found.findings}
    assert {"empty", "infinite", "target_constant", "few_rows"} <= kinds
