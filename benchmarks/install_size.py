"""How large is the core install?  Every package that `pip install bucle` brings, with its bytes.

Reads what is installed beside the interpreter that runs it, and follows the core dependencies of
`pyproject.toml` without any extra.
"""

import json
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the sizes as JSON, the largest first."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    direct = {canonicalize_name(Requirement(text).name)
              for text in pyproject["project"]["dependencies"]}  # fmt: skip
    sizes = {name: size_of(found) for name, found in closure(direct).items()}
    packages = [
        {"package": name, "megabytes": round(size / 1e6, 2), "direct": name in direct}
        for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])
    ]
    report = {
        "question": "how large is the core install?",
        "direct_packages": len(direct),
        "packages": packages,
        "megabytes": round(sum(sizes.values()) / 1e6, 1),
        "bucle_megabytes": round(size_of_folder(ROOT / "bucle") / 1e6, 2),
    }
    print(json.dumps(report, indent=2))


def closure(names: set[str]) -> dict[str, Distribution]:
    """Return every distribution that the named ones need, here, without extras."""
    found: dict[str, Distribution] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(needed.name))
    return found


def size_of(found: Distribution) -> int:
    """Return the bytes of a distribution's own files, without compiled caches."""
    files = [Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.is_file())


def size_of_folder(folder: Path) -> int:
    """Return the bytes of a folder's files, without compiled caches."""
    return sum(file.stat().st_size for file in folder.rglob("*")
               if file.is_file() and "__pycache__" not in file.parts)  # fmt: skip


if __name__ == "__main__":
    main()
