from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused, Unavailable
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes, store_file
from bucle.governance.audit.read import list_events
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    Commit,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    commit,
    commit_table,
    declare,
    get_profile,
    get_version,
    list_datasets,
    log,
    paths,
    read_table,
    tag,
)
from bucle.testing.houses import open_test_house

TRIPS = pa.table({"id": [1, 2, 3], "fare": [4.5, 6.0, 9.25], "city": ["Ulm", "Bonn", None]})
MORE = pa.table({"id": [4, 5], "fare": [1.0, 2.0], "city": ["Ulm", "Kiel"]})


def csv(session: Session, text: str | bytes, **wish: object) -> DatasetVersion:
    content = text if isinstance(text, bytes) else text.encode()
    digest = store_bytes(session.drivers.blobs, content)
    asked = {"name": "trips", "format": "csv", "names": ("trips.csv",)} | wish
    return commit(session, Commit(files=(digest,), **asked))  # type: ignore[arg-type]


def events(session: Session) -> list[str]:
    with session.begin(write=False) as scope:
        return [event.type for event in reversed(list_events(scope).items)]


def test_a_committed_table_is_read_back_as_it_was(session: Session) -> None:
    version = commit_table(session, "trips", TRIPS, message="first")
    assert version.ref == Ref("dataset", "trips", 1)
    assert (version.number, version.rows, version.parent) == (1, 3, None)
    assert read_table(session, "trips").equals(TRIPS)


def test_identical_data_makes_no_new_version_and_no_event(session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    again = commit_table(session, "trips", pa.concat_tables([TRIPS.slice(0, 1), TRIPS.slice(1)]))
    assert again == first
    assert events(session) == ["dataset.committed"]


def test_the_same_rows_have_the_same_digest_whatever_format_they_came_in(
    session: Session, tmp_path: Path
) -> None:
    blobs = session.drivers.blobs
    plain = TRIPS.drop_columns(["city"])
    pq.write_table(plain, tmp_path / "a.parquet", row_group_size=1, compression="snappy")
    pa.ipc.RecordBatchFileWriter(tmp_path / "a.arrow", plain.schema).close()
    with (
        pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file,
        pa.ipc.new_file(file, plain.schema) as writer,
    ):
        writer.write_table(plain)
    lines = "\n".join(f'{{"id": {row["id"]}, "fare": {row["fare"]}}}' for row in plain.to_pylist())
    brought = {
        "csv": store_bytes(blobs, b"id,fare\n1,4.5\n2,6.0\n3,9.25\n"),
        "parquet": store_file(blobs, tmp_path / "a.parquet"),
        "arrow": store_file(blobs, tmp_path / "a.arrow"),
        "json": store_bytes(blobs, lines.encode()),
    }
    digests = {
        commit(session, Commit(name=f"trips-{kind}", files=(digest,), format=kind)).digest
        for kind, digest in brought.items()
    }
    assert len(digests) == 1


def test_an_append_shares_the_files_of_its_parent(session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    second = commit_table(session, "trips", MORE, mode="append")
    assert second.files[:1] == first.files
    assert (second.number, second.rows, second.parent) == (2, 5, first.ref)
    assert read_table(session, "trips").equals(pa.concat_tables([TRIPS, MORE]))


def test_appending_the_same_rows_twice_adds_them_once(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    second = commit_table(session, "trips", MORE, mode="append")
    assert commit_table(session, "trips", MORE, mode="append") == second


def test_going_back_to_older_data_is_a_version_of_its_own(session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    commit_table(session, "trips", MORE)
    third = commit_table(session, "trips", TRIPS)
    assert (third.number, third.digest) == (3, first.digest)


def test_a_version_is_found_by_number_tag_head_time_and_digest(
    house: House, session: Session
) -> None:
    first = commit_table(session, "trips", TRIPS)
    between = house.drivers.clock.now() + timedelta(hours=1)
    house.drivers.clock.advance(timedelta(hours=2))  # type: ignore[attr-defined]
    second = commit_table(session, "trips", MORE)
    with session.begin() as scope:
        tag(scope, "trips@1", "golden")
        names = ["1", "golden", between.isoformat(), first.digest[:12]]
        assert [get_version(scope, Ref("dataset", "trips", name)) for name in names] == [first] * 4
        assert get_version(scope, "dataset:trips") == second
        assert get_version(scope, "trips@main") == second
        assert [version.number for version in log(scope, "trips").items] == [2, 1]


@pytest.mark.parametrize("name", ["trips@7", "trips@nope", "trips@1999-01-01", "trips@abcdef0"])
def test_an_unknown_version_is_not_found(session: Session, name: str) -> None:
    commit_table(session, "trips", TRIPS)
    with session.begin(write=False) as scope, pytest.raises(NotFound, match="does not exist"):
        get_version(scope, name)


def test_an_unknown_dataset_is_told_from_one_without_versions(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="empty"))
        with pytest.raises(NotFound, match="dataset:trips does not exist"):
            get_version(scope, "trips@2")
        with pytest.raises(NotFound, match="nothing was committed"):
            get_version(scope, "empty")


@pytest.mark.parametrize("name", ["7", "main", "2026-01-01", "a b"])
def test_a_tag_that_could_mean_something_else_is_refused(session: Session, name: str) -> None:
    commit_table(session, "trips", TRIPS)
    with session.begin() as scope, pytest.raises(Invalid, match="may not be a tag"):
        tag(scope, "trips", name)


def test_columns_a_condition_and_a_limit_narrow_what_is_read(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    found = read_table(session, "trips", columns=["id"], where="fare > 5", limit=1)
    assert found.to_pylist() == [{"id": 2}]


def test_an_unknown_column_is_named_with_those_there_are(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with pytest.raises(Invalid, match="no column 'fair'") as raised:
        read_table(session, "trips", columns=["fair"])
    assert raised.value.hint == "it has id, fare, city"


def test_a_changed_file_is_refused_when_it_is_read(session: Session) -> None:
    version = commit_table(session, "trips", TRIPS)
    (path,) = paths(session, version)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(Refused, match=version.files[0].digest):
        read_table(session, "trips")


def test_a_wrong_value_in_a_csv_is_named_with_column_row_and_value(session: Session) -> None:
    csv(session, "id,fare\n1,4.5\n")
    with pytest.raises(Invalid, match=r"column 'id' of trips.csv: row 2 holds 'x7', .* int64"):
        csv(session, "id,fare\n1,4.5\nx7,2.5\n")


def test_a_missing_column_is_refused(session: Session) -> None:
    csv(session, "id,fare\n1,4.5\n")
    with pytest.raises(Invalid, match=r"trips\.csv lacks column 'fare'"):
        csv(session, "id\n1\n")


def test_an_extra_column_is_refused_unless_the_dataset_may_evolve(session: Session) -> None:
    csv(session, "id,fare\n1,4.5\n")
    with pytest.raises(Invalid, match="more than the dataset: column 'tip'"):
        csv(session, "id,fare,tip\n2,4.5,1\n", mode="append")
    version = csv(session, "id,fare,tip\n2,4.5,1\n", mode="append", evolve=True)
    assert version.column_names == ("id", "fare", "tip")
    assert read_table(session, "trips")["tip"].to_pylist() == [None, 1]
    csv(session, "id,fare,tip\n3,4.5,1\n", mode="append")


def test_a_type_changes_only_when_all_rows_are_replaced_on_purpose(session: Session) -> None:
    csv(session, "id\n1\n")
    with pytest.raises(Invalid, match="'x'"):
        csv(session, "id\nx\n", mode="append", evolve=True)
    assert csv(session, "id\nx\n", evolve=True).columns[0].type == "string"


def test_whole_microseconds_are_kept_and_a_nanosecond_is_not_lost_unsaid(session: Session) -> None:
    moments = pa.array([5000, 7000], pa.timestamp("ns", "UTC"))
    version = commit_table(session, "times", pa.table({"at": moments}))
    assert version.columns[0].type == "timestamp[us, tz=UTC]"
    with pytest.raises(Invalid, match="column 'at' of the table is int64, and timestamp"):
        commit_table(session, "times", pa.table({"at": [5, 7]}), mode="append")
    finer = pa.array([5000, 7001], pa.timestamp("ns", "UTC"))
    with pytest.raises(Invalid, match="column 'at' of the table: row 2 holds"):
        commit_table(session, "times", pa.table({"at": finer}), mode="append")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "trips.csv is empty"),
        (b"id,fare\n", "no rows"),
        (b"id,id\n1,2\n", "two columns called 'id'"),
        (b"id,name\n1,a\n2,caf\xe9\n", "not UTF-8: line 3 holds byte 0xe9"),
        ("id\n1\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,2\n3\n", "1 line does not split into the 2 columns: line 3 has 1: '3'"),
    ],
)
def test_a_csv_that_is_no_table_is_refused(session: Session, content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        csv(session, content)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "json"])
def test_a_file_that_is_not_of_its_format_is_refused(session: Session, kind: str) -> None:
    with pytest.raises(Invalid, match=f"can not be read as {kind}"):
        csv(session, b"id,fare\n1,2\n", format=kind)


def test_an_unknown_format_and_mode_are_refused(session: Session) -> None:
    with pytest.raises(Invalid, match="'ods' is not a format"):
        csv(session, "id\n1\n", format="ods")
    with pytest.raises(Invalid, match="'upsert' is not a mode"):
        csv(session, "id\n1\n", mode="upsert")


def test_other_delimiters_and_missing_values_are_understood(session: Session) -> None:
    csv(session, "id;city;fare\n1;NA;2.5\n2;;NA\n3;Ulm;1\n")
    assert read_table(session, "trips").to_pylist() == [
        {"id": 1, "city": "NA", "fare": 2.5},
        {"id": 2, "city": None, "fare": None},
        {"id": 3, "city": "Ulm", "fare": 1.0},
    ]


def test_objects_in_lines_and_in_one_array_are_the_same_rows(session: Session) -> None:
    lines = csv(session, '{"a": 1, "b": "x"}\n{"a": 2}\n', name="lines", format="json")
    array = csv(session, '[{"a": 1,\n "b": "x"}, {"a": 2}]', name="array", format="json")
    assert lines.digest == array.digest


def test_a_duplicate_key_is_refused_with_its_values_and_their_number(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    with pytest.raises(Refused, match=r"2 rows have the key id=7") as raised:
        csv(session, "id,fare\n7,1\n8,2\n7,3\n")
    assert [verdict.name for verdict in raised.value.because if not verdict.ok] == [
        "key id is unique"
    ]
    assert events(session)[-1] == "dataset.refused"


def test_an_append_may_not_repeat_a_key_of_its_parent(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    csv(session, "id,fare\n7,1\n")
    with pytest.raises(Refused, match="id=7"):
        csv(session, "id,fare\n7,2\n", mode="append")


def test_a_null_in_the_key_is_refused(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    with pytest.raises(Refused, match="key id has a value: 1 of 2 rows"):
        csv(session, "id,fare\n,1\n8,2\n")


def test_a_broken_expectation_refuses_the_commit_and_shows_bad_rows(session: Session) -> None:
    with session.begin() as scope:
        expectation = Expectation(column="fare", min=0, max=100)
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=(expectation,)))
    with pytest.raises(Refused, match=r"fare >= 0: row 2: id=2, fare=-3"):
        csv(session, "id,fare\n1,5\n2,-3\n")
    with session.begin(write=False) as scope:
        (refused, *_) = list_events(scope).items
        assert "-3" not in str(refused.body)
        assert refused.body["verdicts"][0]["value"] == 1
        with pytest.raises(NotFound):
            get_version(scope, "trips")


def test_a_commit_upon_another_head_than_it_says_is_a_conflict(session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    commit_table(session, "trips", MORE, if_head=first.digest[:10])
    with pytest.raises(Conflict, match="at dataset:trips@2"):
        commit_table(session, "trips", TRIPS, if_head="1")


def test_the_profile_of_a_version_is_stored_with_it(session: Session) -> None:
    version = commit_table(session, "trips", TRIPS)
    fare = get_profile(session, version.ref).column("fare")
    assert fare is not None
    assert (fare.minimum, fare.maximum, sum(fare.counts)) == (4.5, 9.25, 3)


def test_a_home_that_can_not_be_written_is_told(session: Session) -> None:
    session.drivers.cache_path.write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="cache/incoming can not be written"):
        commit_table(session, "trips", TRIPS)


def test_a_commit_leaves_nothing_unfinished_behind(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    assert list((session.drivers.cache_path / "incoming").iterdir()) == []


def test_all_of_it_is_the_same_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    house = open_test_house(tmp_path, database_url=postgresql_url)
    session = house.session()
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",), description="Rides"))
    first = commit_table(session, "trips", TRIPS)
    second = commit_table(session, "trips", MORE, mode="append")
    with session.begin() as scope:
        tag(scope, "trips@2", "golden")
        tag(scope, "trips@1", "golden")
        assert get_version(scope, "trips@golden") == first
        assert get_version(scope, f"trips@{second.digest[:9]}") == second
        assert get_version(scope, f"trips@{house.drivers.clock.now().isoformat()}") == second
        (found,) = list_datasets(scope).items
        assert (found.rows, found.tags, found.spec and found.spec.key) == (
            5,
            {"golden": 1},
            ("id",),
        )
        assert [version.number for version in log(scope, "trips", limit=1).items] == [2]
    house.close()


def test_nobody_commits_without_the_permission(house: House) -> None:
    with pytest.raises(Denied, match="dataset:write"):
        commit_table(house.session(actor=ANONYMOUS), "trips", TRIPS)


def test_datasets_are_listed_with_their_heads_and_tags(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="bikes", description="Rentals"))
        tag(scope, "trips", "golden")
        bikes, trips = list_datasets(scope).items
    assert (bikes.head, bikes.spec and bikes.spec.description) == (None, "Rentals")
    assert (trips.head, trips.rows, trips.tags) == (Ref("dataset", "trips", 1), 3, {"golden": 1})


def test_real_data_is_committed_with_its_types(session: Session, shared_data) -> None:
    digest = store_file(session.drivers.blobs, shared_data("bike_hour.csv"))
    version = commit(session, Commit(name="rentals", files=(digest,), format="csv"))
    types = {column.name: column.type for column in version.columns}
    assert (version.rows, types["dteday"], types["cnt"]) == (17379, "date32[day]", "int64")
