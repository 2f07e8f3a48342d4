import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import Session
from bucle.lifecycle.tracking.files import (
    checked_path,
    find_file,
    get_file,
    keep_file,
    list_files,
    list_folder,
    remove_files,
    remove_files_of,
)

RUN = Ref("run", "r1")
OTHER = Ref("run", "r2")


def keep(session: Session, *paths: str, owner: Ref = RUN, content: bytes = b"x") -> str:
    digest = store_bytes(session.drivers.blobs, content)
    with session.begin() as scope:
        for path in paths:
            keep_file(scope, owner, path, digest=digest)
    return digest


def listing(session: Session, folder: str = "", owner: Ref = RUN) -> list[tuple[str, int | None]]:
    with session.begin(write=False) as scope:
        return [(entry.path, entry.size_bytes) for entry in list_folder(scope, owner, folder)]


def test_a_file_is_found_under_its_path_with_its_size(session):
    digest = keep(session, "plots/roc.png", content=b"four")
    with session.begin(write=False) as scope:
        found = get_file(scope, RUN, "plots/roc.png")
    assert (found.digest, found.size_bytes, found.owner) == (digest, 4, RUN)


def test_under_the_same_path_the_newest_counts(session):
    keep(session, "a.txt", content=b"old")
    digest = keep(session, "a.txt", content=b"newer")
    with session.begin(write=False) as scope:
        assert [file.digest for file in list_files(scope, RUN)] == [digest]


def test_a_folder_lists_its_files_and_folders_and_nothing_deeper(session):
    keep(session, "model/MLmodel", "model/data/weights.bin", "model/data/deep/x", "a.txt")
    keep(session, "model-2/MLmodel", "model0", "Model/x")  # neighbours of `model/` in the order
    keep(session, "theirs", owner=OTHER)
    assert listing(session) == [("Model", None), ("a.txt", 1), ("model", None), ("model-2", None),
                                ("model0", 1)]  # fmt: skip
    assert listing(session, "model") == [("model/MLmodel", 1), ("model/data", None)]
    assert listing(session, "model/data/") == [("model/data/deep", None),
                                               ("model/data/weights.bin", 1)]  # fmt: skip


@pytest.mark.parametrize("folder", ["nowhere", "a.txt", "mode"])
def test_what_is_no_folder_lists_nothing(session, folder):
    keep(session, "a.txt", "model/MLmodel")
    assert listing(session, folder) == []


def test_a_file_and_a_folder_can_not_share_a_name(session):
    keep(session, "a", "b/c")
    for path in ("a/b", "a/b/c", "b"):
        with pytest.raises(Invalid, match="can not share a name"):
            keep(session, path)


def test_removing_a_folder_takes_what_is_in_it_and_no_neighbour(session):
    keep(session, "m/a", "m/b/c", "m2/a", "m.txt")
    with session.begin() as scope:
        assert remove_files(scope, RUN, "m") == 2
        assert remove_files(scope, RUN, "m") == 0
    assert listing(session) == [("m.txt", 1), ("m2", None)]


def test_removing_a_file_takes_only_it(session):
    keep(session, "a", "ab", "b/a")
    with session.begin() as scope:
        assert remove_files(scope, RUN, "a") == 1
    assert listing(session) == [("ab", 1), ("b", None)]


def test_owners_that_go_for_good_take_their_files_along(session):
    keep(session, "a", "b")
    keep(session, "c", owner=OTHER)
    with session.begin() as scope:
        assert remove_files_of(scope, [RUN]) == 2
    assert (listing(session), listing(session, owner=OTHER)) == ([], [("c", 1)])


def test_content_that_is_not_stored_can_not_be_kept(session):
    with session.begin() as scope, pytest.raises(NotFound, match="is not stored"):
        keep_file(scope, RUN, "a.txt", digest="0" * 64)


def test_a_thing_that_has_no_files_is_refused(session):
    with pytest.raises(Invalid, match="can not have files"):
        keep(session, "a.txt", owner=Ref("dataset", "trips"))


def test_a_missing_file_is_named(session):
    with session.begin(write=False) as scope:
        assert find_file(scope, RUN, "no.txt") is None
        with pytest.raises(NotFound, match=r"'no\.txt'"):
            get_file(scope, RUN, "no.txt")


def test_a_viewer_lists_and_does_not_write(session):
    keep(session, "a.txt")
    viewer = Principal(name="eve", grants=(Grant(role="viewer", project=session.project),))
    theirs = Session(session.house, viewer, session.project)
    assert listing(theirs) == [("a.txt", 1)]
    with pytest.raises(Denied):
        keep(theirs, "b.txt")
    with theirs.begin() as scope, pytest.raises(Denied):
        remove_files(scope, RUN, "a.txt")


@pytest.mark.parametrize("path", ["a", "a b/ñ/日本", "100%", "a@b.txt", "..a", "a..", ".hidden",
                                  "#1", "run:b", "👩‍🔬.txt", "x" * 255])  # fmt: skip
def test_a_path_may_hold_any_letter(path):
    assert checked_path(path) == path


@pytest.mark.parametrize("path", ["", "/", "/etc/passwd", "..", "a/../b", "../a", "a/..", ".",
                                  "a/./b", "a//b", "a/", "a\\b", "..\\a", "C:/a", "c:a", "a\0b",
                                  "a\nb", "x" * 256, "/".join(["x" * 200] * 6),
                                  "\ud800"])  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    with pytest.raises(Invalid):
        checked_path(path)


@given(st.text(alphabet=st.sampled_from("./\\a:%0\0 ñ")))
def test_no_path_that_is_taken_leads_out_of_a_folder(path):
    try:
        checked_path(path)
    except Invalid:
        return
    parts = path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in path
