"""What code is this, and how to get it back: over the git program, which checks what git checks.

Nothing here changes the repository that it is asked about: no index, no ref, no work tree.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bucle.base.errors import BucleError, Invalid, NotFound, NotInstalled, Unavailable

CUT_MARK = "# bucle: left out of this patch"
_TIMEOUT_S = 120.0
_SNIFFED_BYTES = 8000  # git, too, calls a file binary if its first 8000 bytes hold a NUL
_DIFF = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
         "--ignore-submodules=dirty", "--src-prefix=a/", "--dst-prefix=b/")  # fmt: skip
# A person's settings must not change the answers, nor run hooks or ask for passwords; and a
# hook that calls us must not make us look at its repository instead of ours.
_OURS = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0",
         "GIT_LITERAL_PATHSPECS": "1", "GIT_PAGER": "cat"}  # fmt: skip
_NOT_OURS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX",
                       "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"})  # fmt: skip


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a repository's history."""

    commit: str
    author: str
    committed_at: datetime
    subject: str


def find_root(path: Path) -> Path | None:
    """Return the root of the work tree around a path; `None` outside of any."""
    folder = path if path.is_dir() else path.parent
    try:
        found = _git(folder, "rev-parse", "--show-toplevel")
    except NotFound:
        return None
    return Path(os.fsdecode(found.removesuffix(b"\n")))


def head_commit(root: Path) -> str | None:
    """Return the id of the commit that is checked out; `None` before the first commit."""
    try:
        return _commit_id(root, "HEAD")
    except NotFound:
        return None


def remote_url(root: Path) -> str | None:
    """Return the URL of `origin`, or of the only remote, without a password; `None` if none."""
    names = _git(root, "remote").decode().split()
    if not names:
        return None
    name = "origin" if "origin" in names else names[0]
    url = _git(root, "remote", "get-url", name).decode(errors="replace").strip()
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return url


def is_ignored(root: Path, path: Path) -> bool:
    """Tell whether git was told to ignore a file or folder of the work tree."""
    try:
        environ = {"GIT_LITERAL_PATHSPECS": "0"}  # check-ignore takes paths, and refuses the rest
        _git(root, "check-ignore", "--quiet", "--", str(path), environ=environ)
    except Unavailable:  # git says "no" by its exit code
        return False
    return True


def dirty_diff(root: Path, *, limit_bytes: int = 1_000_000) -> str:
    """Return all that differs from the last commit as one patch that `git apply` takes.

    Tracked changes, and untracked text files that are not ignored.  What is too large is
    left out file by file, and named at the end in lines that `git apply` passes over.
    Always valid UTF-8: a file in another encoding travels as a binary patch.
    """
    base = (
        head_commit(root) or _git(root, "hash-object", "-t", "tree", "/dev/null").decode().strip()
    )
    untracked, left_out = _untracked_texts(root, limit_bytes)
    patches: list[str] = []
    left_bytes = limit_bytes
    with _index_with(root, untracked) as environ:
        names = _git(root, *_DIFF, "--name-only", "-z", base, environ=environ).split(b"\0")[:-1]
        for name in map(os.fsdecode, names):
            patch = _file_patch(root, base, name, environ, limit_bytes)
            if patch is None or len(patch.encode()) > left_bytes:
                left_out.append(name)
                continue
            left_bytes -= len(patch.encode())
            patches.append(patch)
    marks = [f"{CUT_MARK}: {name!a} (too large)\n" for name in left_out]
    return "".join(patches + marks)


def apply_patch(into: Path, patch: str) -> None:
    """Apply a patch of `dirty_diff` to a clean checkout.

    Raises:
        Invalid: it does not fit, or something had been left out of it.
    """
    if not patch:
        return
    missing = [line for line in patch.splitlines() if line.startswith(CUT_MARK)]
    if missing:
        raise Invalid(f"the recorded changes are not complete: {missing[0]}")
    try:
        _git(into, "apply", "--binary", "--whitespace=nowarn", content=patch.encode())
    except Unavailable as error:
        raise Invalid(f"the patch does not fit in {into}: {error}") from error


def checkout(root: Path, commit: str, into: Path) -> None:
    """Put the files of one commit in a new folder, as a repository that borrows its objects.

    Raises:
        NotFound: the repository has no such commit.
        Invalid: the folder exists and is not empty.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Invalid(f"{into} is not an empty folder")
    found = _commit_id(root, commit)
    into.parent.mkdir(parents=True, exist_ok=True)
    _git(into.parent, "clone", "--quiet", "--shared", "--no-checkout", "--",
         str(root.absolute()), str(into.absolute()))  # fmt: skip
    _git(into, "checkout", "--quiet", "--detach", found)


def log(root: Path, path: str = "", limit: int = 100) -> list[Commit]:
    """Return the last commits, newest first; with a path, those that changed it."""
    if head_commit(root) is None:
        return []
    lines = _git(root, "log", "-z", f"--max-count={limit}", "--encoding=UTF-8",
                 "--format=%H%x1f%an%x1f%cI%x1f%s", "--", *([path] if path else []))  # fmt: skip
    return [_commit(line) for line in lines.decode(errors="replace").split("\0") if line]


def show_file(root: Path, commit: str, path: str) -> bytes:
    """Return a file as it was in a commit; the path is relative to the root.

    Raises:
        NotFound: there is no such commit, or no such file in it.
    """
    found = _commit_id(root, commit)
    try:
        return _git(root, "cat-file", "blob", f"{found}:{path}")
    except Unavailable as error:
        raise NotFound(f"there is no file {path!r} in commit {found[:12]}") from error


def _commit(line: str) -> Commit:
    commit, author, committed_at, subject = line.split("\x1f", 3)
    return Commit(
        commit=commit,
        author=author,
        committed_at=datetime.fromisoformat(committed_at),
        subject=subject,
    )


def _commit_id(root: Path, commit: str) -> str:
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options",
                     f"{commit}^{{commit}}")  # fmt: skip
    except Unavailable as error:
        raise NotFound(f"{root} has no commit {commit!r}", hint="git log --oneline") from error
    return found.decode().strip()


def _empty_tree(root: Path) -> str:
    """Return what everything is new against, before the first commit."""
    return _git(root, "hash-object", "-t", "tree", "/dev/null").decode().strip()


def _untracked_texts(root: Path, limit_bytes: int) -> tuple[list[str], list[str]]:
    """Return the untracked text files that are small enough, and those that are not."""
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0")[:-1]
    texts: list[str] = []
    large: list[str] = []
    for name in map(os.fsdecode, listed):
        path = root / name
        if path.is_symlink():
            texts.append(name)
        elif path.is_file() and _is_text(path):
            (texts if path.stat().st_size <= limit_bytes else large).append(name)
    return texts, large


def _is_text(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"\0" not in file.read(_SNIFFED_BYTES)
    except OSError:  # gone, or not ours to read
        return False


@contextmanager
def _index_with(root: Path, untracked: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield an environment with a copy of the index in which untracked files are announced."""
    with tempfile.TemporaryDirectory(prefix="bucle-git-") as folder:
        index = Path(folder, "index")
        original = _git(root, "rev-parse", "--path-format=absolute", "--git-path", "index")
        source = Path(os.fsdecode(original.removesuffix(b"\n")))
        if source.is_file():
            # With its time: git looks again into files of the same second as their index.
            shutil.copy2(source, index)
        environ = {"GIT_INDEX_FILE": str(index)}
        if untracked:
            names = b"\0".join(map(os.fsencode, untracked))
            _git(root, "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul",
                 environ=environ, content=names)  # fmt: skip
        yield environ


def _file_patch(
    root: Path, base: str, name: str, environ: Mapping[str, str], limit_bytes: int
) -> str | None:
    """Return one file's patch; `None` if the file is much too large to try."""
    path = root / name
    if path.is_file() and not path.is_symlink() and path.stat().st_size > 100 * limit_bytes:
        return None
    patch = _git(root, *_DIFF, base, "--", name, environ=environ)
    try:
        return patch.decode()
    except UnicodeDecodeError:
        return _binary_patch(root, base, name, environ)


def _binary_patch(root: Path, base: str, name: str, environ: Mapping[str, str]) -> str | None:
    """Return a file's patch in base 85, by telling git that no file is text."""
    with tempfile.TemporaryDirectory(prefix="bucle-git-") as folder:
        attributes = Path(folder, "attributes")
        attributes.write_text("* -diff\n", encoding="utf-8")
        setting = f"core.attributesFile={attributes}"
        patch = _git(root, "-c", setting, *_DIFF, base, "--", name, environ=environ)
    try:
        return patch.decode()
    except UnicodeDecodeError:  # the repository's own attributes insist that it is text
        return None


def _git(
    folder: Path, *args: str, environ: Mapping[str, str] | None = None, content: bytes = b""
) -> bytes:
    """Run git in a folder and return what it printed.

    Raises:
        NotInstalled: there is no git program.
        NotFound: the folder is in no repository.
        Unavailable: git refused; the message is git's.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=true",
               "-C", str(folder), *args]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and arguments after -- or checked
            command,
            env=inherited | _OURS | dict(environ or {}),
            input=content,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotInstalled("there is no git program here", hint="apt-get install git") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"git {args[0]} took longer than {_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise _refusal(folder, args, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _refusal(folder: Path, args: Sequence[str], message: str) -> BucleError:
    if "not a git repository" in message:
        return NotFound(f"{folder} is in no git repository", hint="git init")
    if "dubious ownership" in message:
        return Unavailable(
            f"git does not trust {folder}: it belongs to somebody else",
            hint=f"git config --global --add safe.directory {folder}",
        )
    return Unavailable(f"git {args[0]} in {folder} failed: {message}")
