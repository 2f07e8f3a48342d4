"""Start a bundle: what `python demand.pyz` and `python demand/run.py` run.

Standard library only until the rest is found to be importable.  An archive is unpacked once, into
the folder that also keeps the log: compiled libraries do not run from inside of an archive.
"""

import argparse
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

_NEEDED = ("blake3", "cryptography", "msgspec", "numpy", "pyarrow", "uvicorn")
_PORT = 8080


def main() -> int:
    """Serve until Ctrl-C; return the exit code."""
    here = Path(__file__).resolve().parent
    asked = argparse.ArgumentParser(prog=f"python {here.name}")
    asked.add_argument("--port", type=int, default=_PORT, help=f"{_PORT}, if nothing is said")
    asked.add_argument("--host", default="127.0.0.1", help="where to listen")
    asked.add_argument("--workers", type=int, default=1, help="processes on the port")
    asked.add_argument("--state", type=Path, help="where the log is kept; beside the bundle")
    said = asked.parse_args()
    state: Path = (said.state or here.with_name(f"{here.stem}.state")).absolute()
    app = _unpacked(here, state) if here.is_file() else here
    site = state / "site"
    paths = [str(app), str(site)]
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])
    if missing := _missing(app, site):
        sys.stderr.write(
            f"error: a package is not installed ({missing})\n"
            f"  python -m pip install -r {app / 'requirements.txt'}\n"
        )
        return 5
    module = importlib.import_module("bucle.interfaces.predict.standalone.alone")
    code: int = module.serve_folder(
        app / "package", state, host=said.host, port=said.port, workers=said.workers
    )
    return code


def _unpacked(archive: Path, state: Path) -> Path:
    """Return the folder with what is in the archive; another archive gets another folder."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    folder = state / f"app-{digest}"
    if not folder.is_dir():
        part = state / f".{digest}.{os.getpid()}.part"
        with zipfile.ZipFile(archive) as file:
            file.extractall(part)
        part.replace(folder)
    return folder


def _missing(app: Path, site: Path) -> str:
    """Return the name of a library that can not be imported; wheels that came along are tried."""
    found = _first_missing()
    wheels = app / "wheels"
    if found and wheels.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
        command += ["--find-links", str(wheels), "--target", str(site)]
        command += ["-r", str(app / "requirements.txt")]
        done = subprocess.run(command, check=False)  # noqa: S603 - this Python's own pip
        if done.returncode:
            shutil.rmtree(site, ignore_errors=True)
        importlib.invalidate_caches()
        found = _first_missing()
    return found


def _first_missing() -> str:
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            return name
    return ""


if __name__ == "__main__":
    sys.exit(main())
