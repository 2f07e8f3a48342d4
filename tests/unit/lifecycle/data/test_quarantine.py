"""Rows that break what is expected are set apart, counted, shown and committed once corrected."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.audit.read import list_events
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    Commit,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    check_files,
    commit,
    commit_table,
    declare,
    get_version,
    read_table,
    replay,
)
from bucle.lifecycle.data.quarantine.read import list_quarantines, read_quarantined
from bucle.lifecycle.data.quarantine.records import Quarantine

APART = Expectation(column="fare", not_null=True, min=0, action="quarantine")
TRIPS = pa.table({"id": [1, 2, 3, 4], "fare": [4.5, -1.0, None, 6.0]})


def expect(session: Session, *expectations: Expectation, key: tuple[str, ...] = ()) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=key, expectations=expectations))


def csv(session: Session, text: str, **wish: object) -> DatasetVersion:
    return commit(session, csv_wish(session, text, **wish))


def csv_wish(session: Session, text: str, **wish: object) -> Commit:
    digest = store_bytes(session.drivers.blobs, text.encode())
    return Commit(name="trips", files=(digest,), names=("t.csv",), format="csv", **wish)  # type: ignore[arg-type]


def quarantines(session: Session) -> tuple[Quarantine, ...]:
    with session.begin(write=False) as scope:
        return list_quarantines(scope, "trips").items


def events(session: Session) -> list[str]:
    with session.begin(write=False) as scope:
        return [event.type for event in reversed(list_events(scope).items)]


def ids(session: Session) -> list[int]:
    return [row["id"] for row in read_table(session, "trips", columns=["id"]).to_pylist()]


def test_bad_rows_are_set_apart_and_the_others_are_committed(session: Session) -> None:
    expect(session, APART)
    version = commit_table(session, "trips", TRIPS)
    assert (ids(session), version.rows, version.quarantined) == ([1, 4], 2, 2)
    (found,) = quarantines(session)
    assert (found.dataset, found.number, found.rows, found.lines) == (version.ref, 1, 2, 0)
    assert found.reasons == {"fare has a value": 1, "fare >= 0": 1}
    assert events(session)[-2:] == ["dataset.committed", "dataset.quarantined"]


def test_what_was_set_apart_is_read_with_its_place_and_what_it_breaks(session: Session) -> None:
    expect(session, APART, Expectation(sql="id <> 2", name="two is taken", action="quarantine"))
    commit_table(session, "trips", TRIPS)
    rows = read_quarantined(session, "trips").rows
    assert [(row.row, row.reasons, row.values) for row in rows] == [
        (2, ("fare >= 0", "two is taken"), {"id": 2, "fare": -1.0}),
        (3, ("fare has a value",), {"id": 3, "fare": None}),
    ]
    with pytest.raises(NotFound, match="has no quarantine 9"):
        read_quarantined(session, "trips", 9)


def test_clean_rows_are_committed_as_they_would_be_without_a_quarantine(session: Session) -> None:
    plain = commit_table(session, "plain", TRIPS)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", expectations=(
            Expectation(column="id", min=0, action="quarantine"),
        )))  # fmt: skip
    assert commit_table(session, "trips", TRIPS).digest == plain.digest
    assert quarantines(session) == ()


def test_an_append_sets_apart_of_the_new_rows_only_and_repeats_safely(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    expect(session, Expectation(column="fare", max=5, action="quarantine"))
    more = pa.table({"id": [5, 6], "fare": [9.0, 3.0]})
    first = commit_table(session, "trips", more, mode="append")
    again = commit_table(session, "trips", more, mode="append")
    assert (first, ids(session)) == (again, [1, 2, 3, 4, 6])
    assert [(each.rows, each.dataset) for each in quarantines(session)] == [(1, first.ref)]


def test_rows_set_apart_beside_rows_that_are_there_already_are_recorded(session: Session) -> None:
    expect(session, APART)
    commit_table(session, "trips", TRIPS.slice(0, 1))
    head = commit_table(session, "trips", TRIPS.slice(0, 3))
    assert (head.number, [each.rows for each in quarantines(session)]) == (1, [2])
    commit_table(session, "trips", TRIPS.slice(0, 3))
    assert len(quarantines(session)) == 1


def test_repeated_values_are_set_apart_within_the_new_rows_and_beside_the_old(
    session: Session,
) -> None:
    expect(session, Expectation(column="id", unique=True, action="quarantine"), key=("id",))
    rows = pa.table({"id": [1, 2, 2, 3, None], "fare": [1.0] * 5})
    with pytest.raises(Refused, match="key id has a value"):
        commit_table(session, "trips", rows)
    commit_table(session, "trips", rows.slice(0, 4))
    assert ids(session) == [1, 3]
    commit_table(session, "trips", pa.table({"id": [3, 4], "fare": [1.0, 2.0]}), mode="append")
    assert ids(session) == [1, 3, 4]
    assert [each.reasons for each in quarantines(session)] == [
        {"id is unique": 1},
        {"id is unique": 2},
    ]


def test_a_commit_of_which_nothing_would_be_left_is_refused(session: Session) -> None:
    expect(session, APART)
    with pytest.raises(Refused, match=r"2 of 2 rows .* nothing would be left: .*fare >= 0"):
        commit_table(session, "trips", TRIPS.slice(1, 2))
    assert quarantines(session) == ()
    assert events(session)[-1] == "dataset.refused"


def test_more_than_tolerated_is_refused_and_not_set_apart(session: Session) -> None:
    tolerated = Expectation(column="fare", min=0, action="quarantine", tolerance=0.2)
    expect(session, tolerated)
    with pytest.raises(Refused, match="more than tolerated: fare >= 0: 1 of 4 rows"):
        commit_table(session, "trips", TRIPS)
    expect(session, Expectation(column="fare", min=0, action="quarantine", tolerance=0.3))
    assert commit_table(session, "trips", TRIPS).quarantined == 1


def test_what_refuses_still_refuses_after_rows_were_set_apart(session: Session) -> None:
    expect(session, APART, Expectation(column="id", max=3))
    with pytest.raises(Refused, match="breaks 1 of 3 expectations: id <= 3: 1 of 2 rows"):
        commit_table(session, "trips", TRIPS)
    assert quarantines(session) == ()


def test_a_warning_is_in_the_verdicts_and_refuses_nothing(session: Session) -> None:
    expect(session, Expectation(column="fare", min=0, action="warn"))
    version = commit_table(session, "trips", TRIPS)
    (verdict,) = version.verdicts
    assert (verdict.ok, verdict.note, version.rows) == (False, "warning: 1 of 4 rows", 4)


def test_files_are_judged_as_a_commit_would_take_them(session: Session) -> None:
    expect(session, APART)
    report = check_files(session, csv_wish(session, "id,fare\n1,2.0\n2,-3.0\n"))
    assert report.ok
    assert [v.note for v in report.verdicts if not v.ok] == ["to be set apart: 1 of 2 rows"]
    assert report.samples == ("fare >= 0: row 2: fare=-3.0",)


def test_an_expectation_that_sets_apart_and_can_not_be_executed_is_an_error(
    session: Session,
) -> None:
    expect(session, Expectation(sql="nothing > 1", action="quarantine"))
    with pytest.raises(Invalid, match="'nothing > 1' can not be executed"):
        commit_table(session, "trips", TRIPS)


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation(min_rows=3, action="quarantine"),
        Expectation(column="id", type="int64", action="quarantine"),
        Expectation(sql="SELECT count(*) > 3 FROM dataset", action="quarantine"),
    ],
)
def test_only_what_a_row_can_break_sets_rows_apart(
    session: Session, expectation: Expectation
) -> None:
    with pytest.raises(Invalid, match="of the table and of no row"):
        expect(session, expectation)


def test_lines_that_are_no_rows_are_set_apart_if_that_is_asked_for(session: Session) -> None:
    text = "id,fare\n1,2.5\nbroken\n2,3.5\n"
    with pytest.raises(Invalid, match="line 3 has 1: 'broken'"):
        csv(session, text)
    version = csv(session, text, lines="quarantine")
    assert (ids(session), version.quarantined) == ([1, 2], 1)
    (line,) = read_quarantined(session, "trips").rows
    assert (line.row, line.file, line.text, line.values) == (3, "t.csv", "broken", {})


def test_a_corrected_file_is_replayed_and_noted(session: Session) -> None:
    expect(session, APART)
    csv(session, "id,fare\n1,2.5\nbroken\n2,-3.5\n", lines="quarantine")
    made = replay(session, csv_wish(session, "id,fare\n2,3.5\n3,4.5\n"))
    assert (ids(session), quarantines(session)[0].replayed_as) == ([1, 2, 3], made.ref)
    assert events(session)[-2:] == ["dataset.committed", "dataset.replayed"]
    with pytest.raises(Conflict, match="was replayed as dataset:trips@2"):
        replay(session, csv_wish(session, "id,fare\n9,9.5\n"))
    assert ids(session) == [1, 2, 3]


def test_rows_are_replayed_as_they_are_once_something_else_is_expected(session: Session) -> None:
    expect(session, APART)
    commit_table(session, "trips", TRIPS)
    wish = Commit(name="trips", files=())
    with pytest.raises(Refused, match="nothing would be left"):
        replay(session, wish)
    assert quarantines(session)[0].replayed_as is None
    expect(session, Expectation(column="fare", min=0, action="quarantine"))
    replay(session, wish)
    assert ids(session) == [1, 4, 3]
    assert [(each.rows, each.number) for each in quarantines(session)] == [(1, 2), (2, 1)]


def test_lines_are_not_replayed_without_a_correction(session: Session) -> None:
    csv(session, "id,fare\n1,2.5\nbroken\n", lines="quarantine")
    with pytest.raises(Invalid, match="holds 1 lines that are no rows"):
        replay(session, Commit(name="trips", files=()))


def test_rows_of_many_groups_keep_their_order_and_their_places(session: Session) -> None:
    expect(session, Expectation(sql="n % 100000 <> 7", action="quarantine"))
    rows = 300_000
    times = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * rows)
    commit_table(session, "trips", pa.table({"n": range(rows), "at": times}))
    kept = read_table(session, "trips").column("n").to_pylist()
    assert kept == [n for n in range(rows) if n % 100_000 != 7]
    found = read_quarantined(session, "trips").rows
    assert [(row.row, row.values["n"]) for row in found] == [
        (8, 7),
        (100_008, 100_007),
        (200_008, 200_007),
    ]


def test_the_digest_of_the_manifest_says_nothing_of_the_quarantine(session: Session) -> None:
    expect(session, APART)
    sifted = commit_table(session, "trips", TRIPS)
    clean = commit_table(session, "other", TRIPS.take([0, 3]))
    assert sifted.digest == clean.digest
    with session.begin(write=False) as scope:
        assert get_version(scope, "trips").files == clean.files
