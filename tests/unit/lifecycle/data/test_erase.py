"""Somebody's rows go out of every version, every branch and what was set apart, for good."""

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Denied, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import has_content, store_bytes
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    Commit,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    SplitSpec,
    branch,
    commit,
    commit_table,
    declare,
    explore,
    get_profile,
    get_split,
    get_version,
    merge,
    read_part,
    read_quarantined,
    read_table,
    split,
    tag,
    upsert,
)
from bucle.lifecycle.data import parquet as parquet_room
from bucle.lifecycle.data.commit import Proposal, seen, settle
from bucle.lifecycle.data.erase import erase as erase_room
from bucle.lifecycle.data.erase.erase import erase_rows, remove_content
from bucle.lifecycle.data.erase.find import find_rows

BY = Ref("deletion", "01X")
ROWS = pa.table({"id": range(1, 10), "who": [f"p{n}" for n in range(1, 10)], "n": [1.0] * 9})
WHO = {"who": "p5"}


@pytest.fixture
def people(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Nine people in three files, at a second version with one more."""
    monkeypatch.setattr(parquet_room, "ROWS_PER_FILE", 3)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="people", key=("id",)))
    commit_table(session, "people", ROWS)
    more = pa.table({"id": [10], "who": ["p10"], "n": [1.0]})
    commit_table(session, "people", more, mode="append")
    return session


def version(session: Session, ref: str) -> DatasetVersion:
    with session.begin(write=False) as scope:
        return get_version(scope, ref)


def names(session: Session, ref: str) -> list[str]:
    return read_table(session, ref)["who"].to_pylist()


def erase(session: Session, subject: dict[str, object] | None = None) -> erase_room.Erased:
    made = erase_rows(session, "people", subject or WHO, by=BY, why="asked")
    remove_content(session, BY)
    return made


def test_rows_are_found_in_every_version_and_only_files_that_may_hold_them_are_opened(
    people: Session,
) -> None:
    with people.begin() as scope:
        tag(scope, "people@1", "golden")
    found = find_rows(people, "people", WHO)
    assert [(str(one.ref), one.rows, one.tags, one.heads) for one in found.versions] == [
        ("dataset:people@2", 1, (), ("main",)),
        ("dataset:people@1", 1, ("golden",), ()),
    ]
    assert (found.searched, found.opened) == (2, 1)


@pytest.mark.parametrize(
    ("subject", "rows"),
    [({"id": 5}, 1), ({"id": 5, "who": "p5"}, 1), ({"id": 5, "who": "p6"}, 0), ({"n": 1.0}, 9),
     ({"n": 1}, 9), ({"who": 5}, 0), ({"nothing": 1}, 0), ({"id": "five"}, 0)],
)  # fmt: skip
def test_a_row_is_somebodys_if_all_of_the_values_are_so(
    people: Session, subject: dict[str, object], rows: int
) -> None:
    found = find_rows(people, "people", subject)
    assert sum(one.rows for one in found.versions if one.ref.version == "1") == rows


def test_rows_go_out_of_the_head_and_out_of_what_was(people: Session) -> None:
    made = erase(people)
    assert [str(ref) for ref in made.heads] == ["dataset:people@3"]
    assert sorted(map(str, made.rewritten)) == ["dataset:people@1", "dataset:people@2"]
    left = [f"p{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9)]
    assert names(people, "people@1") == left
    assert names(people, "people") == names(people, "people@2") == [*left, "p10"]
    assert not find_rows(people, "people", WHO).versions


def test_a_version_that_was_rewritten_says_so_and_its_old_digest_says_why(
    people: Session,
) -> None:
    old = version(people, "people@1")
    erase(people)
    now = version(people, "people@1")
    assert (now.erased_by, now.rows, now.committed_at) == (BY, 8, old.committed_at)
    assert now.digest != old.digest
    with pytest.raises(NotFound, match="rewritten on 2026-01-01 by deletion:01X: asked"):
        version(people, f"people@{old.digest[:12]}")


def test_the_old_files_their_manifests_and_what_was_found_in_them_are_gone_from_the_store(
    people: Session,
) -> None:
    old = version(people, "people@1")
    get_profile(people, old)
    explore(people, "people@1")
    blobs = people.drivers.blobs
    (note,) = blobs.list(f"explorations/{old.digest}")
    found = blobs.get(note.key).decode()
    assert has_content(blobs, found)
    erase(people)
    assert not blobs.exists(note.key)
    assert not has_content(blobs, found)
    kept = {file.digest for file in version(people, "people@1").files}
    gone = {file.digest for file in old.files} - kept
    assert len(gone) == 1
    assert not any(has_content(blobs, digest) for digest in (*gone, old.digest))
    assert not blobs.exists(f"profiles/{old.digest}")
    assert all(has_content(blobs, digest) for digest in kept)


def test_a_file_that_another_project_refers_to_stays(people: Session, house: House) -> None:
    other = house.session(project="other")
    commit_table(other, "copy", ROWS)
    erase_rows(people, "people", WHO, by=BY, why="asked")
    removed, kept = remove_content(people, BY)
    assert (removed, kept) == (1, 2)  # the second manifest; the file and the first one
    assert names(other, "copy") == ROWS["who"].to_pylist()


def test_a_version_of_which_nothing_is_left_is_dropped_and_says_so(session: Session) -> None:
    commit_table(session, "people", ROWS.slice(4, 1))
    commit_table(session, "people", ROWS.slice(0, 5))
    with session.begin() as scope:
        tag(scope, "people@1", "golden")
    made = erase(session)
    assert [str(ref) for ref in made.dropped] == ["dataset:people@1"]
    with pytest.raises(NotFound, match="dropped on"):
        version(session, "people@1")
    with pytest.raises(NotFound):
        version(session, "people@golden")
    assert version(session, "people@2").parent is None


def test_a_dataset_that_held_nothing_else_is_empty_and_can_be_committed_to(
    session: Session,
) -> None:
    commit_table(session, "people", ROWS.slice(4, 1))
    erase(session)
    with pytest.raises(NotFound, match="nothing was committed"):
        version(session, "people")
    assert str(commit_table(session, "people", ROWS.slice(0, 1)).ref) == "dataset:people@2"


def test_branches_are_cleaned_too_and_can_still_be_merged(people: Session) -> None:
    with people.begin() as scope:
        branch(scope, "people", "fix")
    digest = store_bytes(people.drivers.blobs, b"id,who,n\n1,p1b,1.0\n")
    upsert(people, Commit(name="people", files=(digest,), format="csv", branch="fix"))
    commit_table(people, "people", pa.table({"id": [11], "who": ["p11"], "n": [1.0]}),
                 mode="append")  # fmt: skip
    made = erase(people)
    assert len(made.heads) == 2
    merged = merge(people, "people", "fix")
    assert set(names(people, str(merged.ref))) == {
        "p1b", "p2", "p3", "p4", "p6", "p7", "p8", "p9", "p10", "p11",
    }  # fmt: skip


def test_a_split_keeps_the_other_rows_in_their_parts(people: Session) -> None:
    spec = SplitSpec(name="hold", fit=0.4, select=0.3)
    made = split(people, "people", spec)
    before = {part: read_part(people, made.ref, part)["who"].to_pylist() for part in
              ("fit", "select")}  # fmt: skip
    erase(people)
    for part, rows in before.items():
        left = [who for who in rows if who != "p5"]
        assert read_part(people, made.ref, part)["who"].to_pylist() == left
    with people.begin(write=False) as scope:
        assert sum(get_split(scope, made.ref).rows.values()) == 9


def test_rows_and_lines_that_were_set_apart_go_too(session: Session) -> None:
    expectation = Expectation(column="n", min=0, action="quarantine")
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="people", expectations=(expectation,)))
    bad = pa.table({"id": [5, 6, 7], "who": ["p5", "p6", "p7"], "n": [-1.0, -1.0, 1.0]})
    commit_table(session, "people", bad)
    assert find_rows(session, "people", WHO).quarantined == 1
    assert erase(session).quarantines == 1
    left = read_quarantined(session, "people")
    assert [row.values["who"] for row in left.rows] == ["p6"]
    assert left.quarantine.rows == 1


def test_a_text_line_that_holds_the_value_as_a_word_is_taken_for_somebodys(
    session: Session,
) -> None:
    text = b"id,who\n1,p1\n5,p5,too,many\n50,p50,too,many\n"
    digest = store_bytes(session.drivers.blobs, text)
    commit(session, Commit(name="people", files=(digest,), format="csv", lines="quarantine"))
    assert find_rows(session, "people", {"who": "p5"}).quarantined == 1
    erase(session)
    assert [row.text for row in read_quarantined(session, "people").rows] == ["50,p50,too,many"]


def test_who_commits_upon_an_old_head_is_told_and_brings_nothing_back(
    people: Session,
) -> None:
    # The writer has seen the head and prepared its files; then the rows are erased.
    wish = Commit(name="people", files=(), mode="append")
    spec, head = seen(people, wish)
    erase(people)
    assert head is not None
    proposal = Proposal(
        spec=spec, head=head, files=head.files[:2], schema=ROWS.schema, added_rows=0
    )
    with pytest.raises((Conflict, NotFound)):
        settle(people, wish, proposal)
    assert not find_rows(people, "people", WHO).versions


def test_a_head_that_moves_meanwhile_is_followed(
    people: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = pa.table({"id": [77], "who": ["p77"], "n": [1.0]})
    version_of = erase_room._version

    def racing(*args):
        made = version_of(*args)
        monkeypatch.setattr(erase_room, "_version", version_of)
        commit_table(people, "people", late, mode="append")
        return made

    monkeypatch.setattr(erase_room, "_version", racing)
    erase(people)
    assert "p77" in names(people, "people")
    assert not find_rows(people, "people", WHO).versions


def test_to_erase_again_changes_nothing(people: Session) -> None:
    erase(people)
    with people.begin(write=False) as scope:
        before = len(list_events(scope).items)
    again = erase(people)
    assert (again.heads, again.rewritten, again.dropped) == ((), (), ())
    with people.begin(write=False) as scope:
        assert len(list_events(scope).items) == before


def test_what_is_recorded_names_no_value_of_anybody(people: Session) -> None:
    erase(people)
    with people.begin(write=False) as scope:
        bodies = [event.body for event in list_events(scope, limit=100).items]
    assert "p5" not in str(bodies)


def test_only_who_may_forget_finds_and_erases(people: Session, house: House) -> None:
    eva = Principal(name="eva", grants=(Grant(role="scientist", project="*"),))
    for act in (
        lambda session: find_rows(session, "people", WHO),
        erase,
    ):
        with pytest.raises(Denied):
            act(house.session(eva))
