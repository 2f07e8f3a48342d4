"""The law of version control: subclass, give a `git`, and every test here runs against it.

The suite makes its repositories with the git program, whatever the implementation uses.
"""

import os
import subprocess
from pathlib import Path
from typing import Protocol

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.drivers.git import CUT_MARK, Commit

_IDENTITY = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
             "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}  # fmt: skip


class Git(Protocol):
    """What the house asks of version control; the module `bucle.drivers.git` is one."""

    def find_root(self, path: Path) -> Path | None:
        """Return the root of the work tree around a path."""
        ...

    def head_commit(self, root: Path) -> str | None:
        """Return the id of the commit that is checked out."""
        ...

    def remote_url(self, root: Path) -> str | None:
        """Return where the repository came from, without a password."""
        ...

    def is_ignored(self, root: Path, path: Path) -> bool:
        """Tell whether a file or folder was to be left alone."""
        ...

    def dirty_diff(self, root: Path, *, limit_bytes: int = 1_000_000) -> str:
        """Return all that differs from the last commit."""
        ...

    def apply_patch(self, into: Path, patch: str) -> None:
        """Apply what `dirty_diff` returned."""
        ...

    def checkout(self, root: Path, commit: str, into: Path) -> None:
        """Put the files of a commit in a new folder."""
        ...

    def log(self, root: Path, path: str = "", limit: int = 100) -> list[Commit]:
        """Return the last commits, newest first."""
        ...

    def show_file(self, root: Path, commit: str, path: str) -> bytes:
        """Return a file as it was in a commit."""
        ...


def run(root: Path, *args: str) -> None:
    """Run the git program as Ada, without the settings of whoever tests."""
    environ = os.environ | _IDENTITY | {"GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-C", str(root), *args]
    subprocess.run(command, check=True, env=environ, capture_output=True)  # noqa: S603 - no shell, our own words


def commit_all(root: Path, message: str) -> None:
    """Commit every file."""
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--message", message)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a work tree."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(folder).parts}  # fmt: skip


class GitContract:
    """What every implementation of `Git` keeps."""

    @pytest.fixture
    def git(self) -> Git:
        raise NotImplementedError("give a fixture `git` that returns the implementation")

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """Return a repository of one commit."""
        root = tmp_path / "project"
        root.mkdir()
        run(root, "init", "--quiet", "--initial-branch=main")
        (root / "train.py").write_text("print('one')\n")
        (root / "latin.txt").write_bytes("caf\xe9\nuno\n".encode("latin-1"))
        (root / ".gitignore").write_text("secret.env\nbuilt/\n")
        commit_all(root, "First")
        return root

    def test_the_root_is_found_from_a_file_deep_inside(self, git: Git, root: Path) -> None:
        inside = root / "deep" / "er"
        inside.mkdir(parents=True)
        assert git.find_root(inside) == root
        assert git.find_root(root / "train.py") == root

    def test_outside_of_any_repository_there_is_no_root(self, git: Git, tmp_path: Path) -> None:
        assert git.find_root(tmp_path) is None

    def test_a_clean_work_tree_has_no_difference(self, git: Git, root: Path) -> None:
        assert git.dirty_diff(root) == ""

    def test_an_edit_of_equal_length_in_the_second_of_the_commit_is_seen(
        self, git: Git, root: Path
    ) -> None:
        (root / "train.py").write_text("print('two')\n")
        assert "+print('two')" in git.dirty_diff(root)

    def test_commit_and_difference_together_give_the_same_files_again(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        (root / "train.py").write_text("print('two')\r\nno newline at the end")
        (root / "latin.txt").write_bytes("caf\xe9\nuno\ndos \xf1\n".encode("latin-1"))
        (root / "new folder").mkdir()
        (root / "new folder" / "ñandú.py").write_text("x = 'ñ'\n")
        (root / "empty.txt").write_text("")
        (root / "latin new.txt").write_bytes(b"\xe9\n")
        (root / "added.bin").write_bytes(bytes(range(256)) * 10)
        run(root, "add", "added.bin")
        (root / "secret.env").write_text("password")
        patch = git.dirty_diff(root)
        expected = files(root)
        del expected["secret.env"]

        head = git.head_commit(root)
        assert head is not None
        git.checkout(root, head, tmp_path / "again")
        git.apply_patch(tmp_path / "again", patch)

        assert files(tmp_path / "again") == expected
        assert patch.encode()  # valid UTF-8, whatever was in the files

    def test_asking_for_the_difference_changes_nothing(self, git: Git, root: Path) -> None:
        (root / "new.py").write_text("x = 1\n")
        before = (root / ".git" / "index").read_bytes()
        git.dirty_diff(root)
        assert (root / ".git" / "index").read_bytes() == before

    def test_a_removed_and_a_renamed_file_are_in_the_difference(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        (root / "train.py").rename(root / "fit.py")
        (root / "latin.txt").unlink()
        patch = git.dirty_diff(root)
        git.checkout(root, "HEAD", tmp_path / "again")
        git.apply_patch(tmp_path / "again", patch)
        assert files(tmp_path / "again") == files(root)

    def test_untracked_binary_files_are_not_part_of_the_difference(
        self, git: Git, root: Path
    ) -> None:
        (root / "weights.bin").write_bytes(b"\0" * 100)
        assert git.dirty_diff(root) == ""

    def test_before_the_first_commit_everything_is_new(self, git: Git, tmp_path: Path) -> None:
        run(tmp_path, "init", "--quiet")
        (tmp_path / "a.py").write_text("a = 1\n")
        assert git.head_commit(tmp_path) is None
        assert "+a = 1" in git.dirty_diff(tmp_path)
        assert git.log(tmp_path) == []

    def test_what_is_too_large_is_left_out_and_named_and_the_rest_applies(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        (root / "big.csv").write_text("1,2,3\n" * 10_000)
        (root / "train.py").write_text("print('three')\n")
        patch = git.dirty_diff(root, limit_bytes=2_000)
        assert f"{CUT_MARK}: 'big.csv' (too large)" in patch
        assert len(patch) < 2_200
        git.checkout(root, "HEAD", tmp_path / "again")
        with pytest.raises(Invalid, match=r"big\.csv"):
            git.apply_patch(tmp_path / "again", patch)
        (tmp_path / "the.patch").write_text(patch)
        run(tmp_path / "again", "apply", str(tmp_path / "the.patch"))
        assert (tmp_path / "again" / "train.py").read_text() == "print('three')\n"

    def test_a_large_tracked_change_is_left_out_and_named(self, git: Git, root: Path) -> None:
        (root / "train.py").write_text("x = 1\n" * 10_000)
        assert git.dirty_diff(root, limit_bytes=2_000) == f"{CUT_MARK}: 'train.py' (too large)\n"

    def test_a_patch_that_does_not_fit_is_invalid(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        (root / "train.py").write_text("print('two')\n")
        patch = git.dirty_diff(root)
        git.checkout(root, "HEAD", tmp_path / "again")
        (tmp_path / "again" / "train.py").write_text("something else\n")
        with pytest.raises(Invalid, match="does not fit"):
            git.apply_patch(tmp_path / "again", patch)

    def test_a_persons_own_diff_settings_do_not_change_the_patch(
        self, git: Git, root: Path
    ) -> None:
        run(root, "config", "diff.noprefix", "true")
        run(root, "config", "diff.external", "false")
        run(root, "config", "color.ui", "always")
        (root / "train.py").write_text("print('two')\n")
        assert "--- a/train.py\n+++ b/train.py\n" in git.dirty_diff(root)

    def test_a_repository_named_by_the_environment_is_not_ours(
        self, git: Git, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
        assert git.head_commit(root) is not None

    def test_an_old_commit_is_checked_out_and_the_original_left_alone(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        first = git.head_commit(root)
        assert first is not None
        (root / "train.py").write_text("print('two')\n")
        commit_all(root, "Second")
        git.checkout(root, first, tmp_path / "old")
        assert (tmp_path / "old" / "train.py").read_text() == "print('one')\n"
        assert git.head_commit(tmp_path / "old") == first
        assert git.head_commit(root) != first
        assert not (root / ".git" / "worktrees").exists()

    def test_a_checkout_goes_into_an_empty_folder_only(
        self, git: Git, root: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").write_text("mine")
        with pytest.raises(Invalid, match="not an empty folder"):
            git.checkout(root, "HEAD", tmp_path / "full")

    @pytest.mark.parametrize("commit", ["0" * 40, "nothing", "--output=/tmp/x", ""])
    def test_an_unknown_commit_is_not_found(
        self, git: Git, root: Path, tmp_path: Path, commit: str
    ) -> None:
        with pytest.raises(NotFound, match="has no commit"):
            git.checkout(root, commit, tmp_path / "none")

    def test_the_log_of_a_file_is_newest_first(self, git: Git, root: Path) -> None:
        (root / "other.py").write_text("")
        commit_all(root, "Elsewhere")
        (root / "train.py").write_text("print('two')\n")
        commit_all(root, "Entrena otra vez: ñ")
        assert [commit.subject for commit in git.log(root, "train.py")] == [
            "Entrena otra vez: ñ", "First"]  # fmt: skip
        assert [commit.subject for commit in git.log(root, limit=2)] == [
            "Entrena otra vez: ñ", "Elsewhere"]  # fmt: skip
        newest = git.log(root)[0]
        assert newest.author == "Ada"
        assert newest.commit == git.head_commit(root)
        assert newest.committed_at.utcoffset() is not None

    def test_a_file_is_shown_as_it_was(self, git: Git, root: Path) -> None:
        (root / "train.py").write_text("print('two')\n")
        commit_all(root, "Second")
        assert git.show_file(root, "HEAD~1", "train.py") == b"print('one')\n"
        assert git.show_file(root, "HEAD", "latin.txt") == b"caf\xe9\nuno\n"
        with pytest.raises(NotFound, match=r"no file 'nope\.py'"):
            git.show_file(root, "HEAD", "nope.py")

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://ada:secret@example.org/p.git", "https://example.org/p.git"),
            ("git@example.org:ada/p.git", "git@example.org:ada/p.git"),
            ("ssh://git@example.org/p.git", "ssh://git@example.org/p.git"),
        ],
    )
    def test_the_remotes_url_has_no_password(
        self, git: Git, root: Path, url: str, shown: str
    ) -> None:
        run(root, "remote", "add", "origin", url)
        assert git.remote_url(root) == shown

    def test_without_a_remote_there_is_no_url(self, git: Git, root: Path) -> None:
        assert git.remote_url(root) is None

    def test_what_git_was_told_to_ignore_is_known(self, git: Git, root: Path) -> None:
        (root / "secret.env").write_text("password")
        (root / "built").mkdir()
        assert git.is_ignored(root, root / "secret.env")
        assert git.is_ignored(root, root / "built")
        assert not git.is_ignored(root, root / "train.py")
        assert not git.is_ignored(root, root / "not there")
