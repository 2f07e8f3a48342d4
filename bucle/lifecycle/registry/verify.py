"""Verify a package before it is registered: where only its lock is installed, does it predict?

`BUCLE_VERIFY` says how.  `clean`: in a fresh process that has the versions of the package's lock
and nothing else; where this interpreter has those very versions it is that process's, with all
else hidden, and otherwise a virtual environment is installed from the lock and kept.  `here`: in
a fresh process of this interpreter with whatever is installed.  `off`: not at all.  The verdict
says which it was; a version never bears a verification that did not happen.
"""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import pyarrow.parquet as pq

from bucle.base.codec import encode
from bucle.base.errors import Refused, Unavailable
from bucle.base.verdict import Verdict
from bucle.drivers.house import Drivers
from bucle.lifecycle.registry.answers import answers_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.environments import (
    BUCLE,
    clean_environment,
    distributions_of,
    imported_modules,
    plain_environ,
)
from bucle.lifecycle.registry.load import file_path
from bucle.lifecycle.registry.records import (
    ANSWERS_FILE,
    EXAMPLE_FILE,
    REQUIREMENTS_FILE,
    Manifest,
    Package,
    TrialRequest,
)
from bucle.lifecycle.registry.requirements import Lock, closure, read_lock
from bucle.lifecycle.tracking import Environment, this_environment

How = Literal["clean", "here", "off"]
NAME = "works where it was not made"

_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from pathlib import Path; from bucle.lifecycle.registry.trial import main; "
    "main(Path(sys.argv[2]))"
)
_LIMIT_S = 600
_TOLD = 3
_LONGEST = 300
_ERROR = re.compile(r"(?:\w+\.)*([A-Z]\w*(?=: |$))")  # `package.module.Error: what`


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter, where it finds Bucle, what of it may be used, and what that is called."""

    python: Path
    site: Path
    allowed: tuple[str, ...] | None  # None: whatever is installed
    note: str


def verify_package(drivers: Drivers, package: Package, how: How, *, home: Path) -> Verdict:
    """Load a package in a fresh process, predict its input example and compare.

    Args:
        drivers: where the package's files are.
        package: what is to be registered.
        how: see the module.
        home: installed environments are kept below it, one per lock.

    Raises:
        Refused: it does not load there, or says something else; the verdict is carried.
        Unavailable: the lock's Python or packages can not be had here.
    """
    manifest = package.manifest
    if how == "off":
        return Verdict(name=NAME, ok=False, note="not verified: BUCLE_VERIFY is off")
    if missing := {EXAMPLE_FILE, REQUIREMENTS_FILE} - set(manifest.files):
        return Verdict(name=NAME, ok=False, note=f"not verified: without {min(missing)}")
    files = {
        name: file_path(drivers.blobs, manifest, name, drivers.cache_path)
        for name in manifest.files
    }
    lock = read_lock(files[REQUIREMENTS_FILE].read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="bucle-verify-") as name:
        folder = Path(name)
        place = _here(lock) if how == "here" else _clean(lock, home, folder)
        failure = _tried(manifest, files, place, folder)
    if failure:
        verdict = Verdict(name=NAME, ok=False, note=f"{failure} ({place.note})")
        raise Refused(
            f"the package works on the machine that made it only: {failure}",
            because=[verdict],
            hint="train with installed packages, and keep the project's own code in one folder",
        )
    said = "says of its example what it said there" if ANSWERS_FILE in files else "loads"
    return Verdict(name=NAME, ok=True, note=f"it {said}, {place.note}")


def differing(lock: Lock) -> list[str]:
    """Name what of a lock is not here in its version."""
    have = dict(this_environment().packages)
    told = [
        f"{name} {have.get(name, 'not at all')} and not {version}"
        for name, version in sorted(lock.packages.items())
        if have.get(name) != version
    ]
    here = platform.python_version()
    if lock.python and _series(lock.python) != _series(here):
        told.insert(0, f"Python {here} and not {lock.python}")
    return told


def _here(lock: Lock) -> _Place:
    told = differing(lock)
    note = f"in a fresh process of Python {platform.python_version()} with all that is installed"
    if told:
        more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        note += f", where there is {'; '.join(told[:_TOLD])}{more}"
    return _Place(python=Path(sys.executable), site=BUCLE.parent, allowed=None, note=note)


def _clean(lock: Lock, home: Path, folder: Path) -> _Place:
    """Return this interpreter if it has the lock's versions, else an installed environment."""
    own = closure(["bucle"])
    if not own:  # Bucle runs from a folder and was not installed
        own = closure(distributions_of(imported_modules(BUCLE)))
    allowed = tuple(sorted({*own, *lock.packages}))
    count = f"the {len(lock.packages)} packages of its lock"
    if not differing(lock):
        return _Place(
            python=Path(sys.executable),
            site=BUCLE.parent,
            allowed=allowed,
            note=f"in a fresh process of Python {platform.python_version()} with {count} and all "
            "else hidden",
        )
    packages = {name: version for name, version in own.items() if name != "bucle"} | lock.packages
    recorded = Environment(
        python=lock.python or platform.python_version(),
        platform=this_environment().platform,
        packages=tuple(sorted(packages.items())),
    )
    try:
        made = clean_environment(home, recorded, (BUCLE,), wanted=lock.packages)
    except Unavailable as error:
        raise Unavailable(
            f"the package can not be verified in a clean environment: {error.message}",
            hint="give the machine a package index that has them, or set BUCLE_VERIFY=here",
        ) from error
    site = folder / "site"
    shutil.copytree(BUCLE, site / "bucle", ignore=shutil.ignore_patterns("__pycache__"))
    note = f"in a virtual environment of Python {recorded.python} installed from {count}"
    return _Place(python=made.python, site=site, allowed=allowed, note=note)


def _tried(manifest: Manifest, files: Mapping[str, Path], place: _Place, folder: Path) -> str:
    """Run the trial; return why it failed, "" if it did not."""
    request = TrialRequest(
        manifest=manifest,
        files={name: str(path) for name, path in files.items()},
        allowed=place.allowed,
    )
    (folder / "request.json").write_bytes(encode(request))
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the package's code was vouched for
            [str(place.python), "-I", "-c", _START, str(place.site), str(folder)],
            cwd=folder,
            env=plain_environ(HOME=str(folder)),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return f"loading it and predicting its example took more than {_LIMIT_S} s"
    answers = folder / "answers.parquet"
    if done.returncode or not answers.exists():
        return _reason(done.stderr) or f"the process ended with status {done.returncode}"
    if ANSWERS_FILE not in files:
        return ""
    outputs = manifest.signature.outputs
    expected = answers_of(pq.read_table(files[ANSWERS_FILE]), outputs)
    unequal = difference(expected, answers_of(pq.read_table(answers), outputs))
    return f"it says something else of its example there: {unequal}" if unequal else ""


def _reason(stderr: str) -> str:
    """Return what a traceback ends with, and what it began with if that is another error."""
    errors = [line for line in stderr.splitlines() if _ERROR.match(line)]
    if not errors:
        return stderr.strip()[-_LONGEST:]
    first, last = (_ERROR.sub(r"\1", line, count=1)[:_LONGEST] for line in (errors[0], errors[-1]))
    return last if first == last else f"{last} ({first})"


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])
