import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from bucle.drivers.blobs.content import read_content
from bucle.lifecycle.tracking import capture_code


@pytest.fixture
def blobs(session):
    return session.drivers.blobs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "train.py").write_text("print('one')\n")
    (folder / "pkg" / "model.py").write_text("DEPTH = 3\n")
    return folder


@pytest.fixture
def repository(project: Path) -> Path:
    git(project, "init", "--quiet", "--initial-branch=main")
    commit_all(project)
    return project


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=work")


def test_a_clean_checkout_is_its_commit(repository, blobs):
    code = capture_code(repository / "pkg", blobs)
    assert code.commit == git(repository, "rev-parse", "HEAD")
    assert (code.diff, code.archive, code.folder) == (None, None, "pkg")


def test_changed_and_new_files_can_be_had_again_from_commit_and_diff(repository, blobs, tmp_path):
    (repository / "train.py").write_text("print('two')\n")
    (repository / "pkg" / "new.py").write_text("NEW = 1\n")
    code = capture_code(repository, blobs)
    again = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", str(repository), str(again))
    assert code.diff
    patch = tmp_path / "patch"
    patch.write_bytes(read_content(blobs, code.diff))
    git(again, "apply", str(patch))
    assert (again / "train.py").read_text() == "print('two')\n"
    assert (again / "pkg" / "new.py").read_text() == "NEW = 1\n"


def test_capturing_leaves_the_users_repository_alone(repository, blobs):
    (repository / "new.py").write_text("NEW = 1\n")
    before = git(repository, "status", "--porcelain")
    capture_code(repository, blobs)
    assert git(repository, "status", "--porcelain") == before


def test_code_without_git_is_an_archive_of_its_sources(project, blobs, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (project / "big.csv").write_text("not a source")
    (project / "venv").mkdir()
    (project / "venv" / "pyvenv.cfg").touch()
    (project / "venv" / "theirs.py").touch()
    code = capture_code(project, blobs)
    assert code.commit is None
    assert code.archive
    assert archived(blobs, code.archive) == {
        "train.py": b"print('one')\n",
        "pkg/model.py": b"DEPTH = 3\n",
    }
    assert capture_code(project, blobs).archive == code.archive


def test_a_folder_that_git_ignores_is_archived_too(repository, blobs):
    (repository / ".gitignore").write_text("scratch/\n")
    commit_all(repository)
    (repository / "scratch").mkdir()
    (repository / "scratch" / "try.py").write_text("TRY = 1\n")
    code = capture_code(repository / "scratch", blobs)
    assert code.archive
    assert archived(blobs, code.archive) == {"try.py": b"TRY = 1\n"}


def test_a_repository_before_its_first_commit_is_archived(project, blobs):
    git(project, "init", "--quiet")
    code = capture_code(project, blobs)
    assert code.commit is None
    assert code.archive
    assert "train.py" in archived(blobs, code.archive)


def test_what_looks_like_a_secret_is_not_kept(project, blobs, monkeypatch):
    monkeypatch.setattr(
        "sys.orig_argv", ["python", "train.py", "--api-token", "s3cret", "--password=x"]
    )
    entry = capture_code(project, blobs).entry
    assert entry == "python train.py --api-token *** --password=***"


def archived(blobs, digest: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(read_content(blobs, digest))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
