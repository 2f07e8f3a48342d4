"""How large is the core install, and what is in it?

    python benchmarks/core_install.py [--peer mlflow]

Makes a new virtual environment, installs this clone into it without any extra, in the locked
versions, and lists every package with its bytes on disk (without compiled caches).  Beside it a
peer is installed in the same way; with `--quick` no peer is, and the three engines that hold
and compute (DuckDB, Arrow, NumPy) stand in as the limit.  Needs a package index.
"""

import re
import subprocess
import sys
import tempfile
import time
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

from report import Figure, arguments, tell

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("duckdb", "pyarrow", "numpy")
TOOLS = frozenset({"pip", "setuptools"})  # venv brings them


def main() -> None:
    """Install, list and print."""
    parser = arguments(__doc__)
    parser.add_argument("--peer", default="mlflow", help="a package to install beside ours")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        folder = Path(name)
        lock = folder / "lock.txt"
        lock.write_text("\n".join(locked()))
        started = time.perf_counter()
        ours = install(folder / "ours", [str(ROOT), "--constraint", str(lock)])
        took_s = time.perf_counter() - started
        peer = {} if asked.quick else install(folder / "peer", [asked.peer])
    beside = sum(peer.values()) or sum(ours[engine] for engine in ENGINES)
    tell(Figure(
        benchmark="core install", ours=sum(ours.values()), beside=beside,
        against=asked.peer if peer else " + ".join(ENGINES), unit="MB",
        details={"packages": len(ours), "install_s": round(took_s, 1), "megabytes": ours,
                 "peer_packages": len(peer)},
    ))  # fmt: skip


def locked() -> list[str]:
    """Return `name==version` of every locked package, without hashes, for `--constraint`."""
    text = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    return re.findall(r"^[A-Za-z0-9._-]+==[^\s\\;]+(?: ;[^\\\n]*)?", text, re.MULTILINE)


def install(folder: Path, wanted: list[str]) -> dict[str, float]:
    """Install into a new environment and return the megabytes of each package, largest first."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    subprocess.run([*command, "--quiet", *wanted], check=True, stdout=sys.stderr)
    (site,) = (folder / "lib").glob("python*/site-packages")
    found = {one.name: size_mb(one) for one in distributions(path=[str(site)])}
    kept = {name: size for name, size in found.items() if name not in TOOLS}
    return dict(sorted(kept.items(), key=lambda pair: -pair[1]))


def size_mb(found: Distribution) -> float:
    """Return the megabytes of a package's own files, without compiled caches."""
    files = [Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc"]
    return round(sum(file.stat().st_size for file in files if file.is_file()) / 1e6, 2)


if __name__ == "__main__":
    main()
