"""Make a bundle: a package, the parts of Bucle that serve it, and which libraries it needs.

A folder, or one archive (`.pyz`) that unpacks itself.  With wheels it starts on a machine without
a network; they are for the Python and the platform that made the bundle.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import bucle.base.version
from bucle.base.errors import Conflict, Unavailable
from bucle.interfaces.predict.standalone import entry
from bucle.lifecycle.registry.records import REQUIREMENTS_FILE
from bucle.lifecycle.registry.requirements import lock

_PARTS = ("base", "drivers", "governance", "lifecycle", "interfaces/http", "interfaces/predict")
_FILES = ("__init__.py", "interfaces/__init__.py")
_LIBRARIES = ("msgspec", "blake3", "numpy", "pyarrow", "cryptography", "uvicorn", "lmdb",
              "ruamel.yaml", "httptools", "uvloop")  # fmt: skip
_ARCHIVE = ".pyz"


def make_bundle(package: Path, output: Path, *, wheels: bool) -> Path:
    """Write a bundle of a package's folder; return where it is.

    Raises:
        Conflict: there is something at the place.
        Unavailable: it can not be written, or the wheels can not be had.
    """
    if output.exists():
        raise Conflict(f"{output} is there already", hint="remove it, or name another place")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".bundle-") as name:
            folder = Path(name) / "app"
            _fill(folder, package)
            if wheels:
                _fetch_wheels(folder)
            if output.suffix == _ARCHIVE:
                part = Path(name) / "archive"
                _pack(folder, part)
                part.replace(output)
            else:
                folder.replace(output)
    except OSError as error:
        raise Unavailable(
            f"{output} can not be written: {error.strerror}", hint="name another place: --output"
        ) from error
    return output


def _fill(folder: Path, package: Path) -> None:
    source = Path(bucle.base.version.__file__).parents[1]
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in _PARTS:
        shutil.copytree(source / part, folder / "bucle" / part, ignore=skipped)
    for name in _FILES:
        shutil.copyfile(source / name, folder / "bucle" / name)
    shutil.copytree(package, folder / "package")
    for name in ("run.py", "__main__.py"):
        shutil.copyfile(Path(entry.__file__), folder / name)
    ours, its = lock(_LIBRARIES).splitlines(), (package / REQUIREMENTS_FILE)
    lines = {line.partition("==")[0].lower(): line for line in ours if line}
    if its.is_file():
        # What the model was packed with goes before what happens to be installed here.
        lines |= {
            line.partition("==")[0].lower(): line
            for line in its.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        }
    text = "".join(f"{lines[name]}\n" for name in sorted(lines))
    (folder / "requirements.txt").write_text(text, encoding="utf-8")


def _fetch_wheels(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--dest", str(folder / "wheels"), "-r", str(folder / "requirements.txt")]
    done = subprocess.run(  # noqa: S603 - this Python's own pip
        command, check=False, capture_output=True, text=True
    )
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
        raise Unavailable(f"the wheels could not be had: {told}", hint="bundle without --wheels")


def _pack(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, os.path.relpath(path, folder))
