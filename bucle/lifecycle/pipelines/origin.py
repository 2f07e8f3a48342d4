"""Whose code a module is: the project's own, or a package that the environment lock names."""

import sys
import sysconfig
from functools import cached_property
from pathlib import Path
from types import ModuleType

_INSTALLED = frozenset({"site-packages", "dist-packages"})
# The house itself is told apart by its version, as every package is.
_HOUSE = "bucle"


class Origin:
    """Tell the modules of a project from those of its environment.

    A module is the environment's if it is built in, in the standard library or in
    site-packages.  Everything else can change without the lock saying so, an editable
    install outside of the folder too, and counts as the project's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._known: dict[str, bool] = {}

    def owns(self, module: str) -> bool:
        """Tell whether a module is the project's own."""
        if module not in self._known:
            self._known[module] = self._look(module)
        return self._known[module]

    def file_named(self, text: str, module: str) -> Path | None:
        """Return the file that a text names, from the project's folder or beside the module."""
        if not text or len(text) > _LONGEST_PATH or "\n" in text or "\0" in text:
            return None
        if "." not in text and "/" not in text:
            return None
        beside = module_file(sys.modules.get(module))
        for folder in (self.folder, *([beside.parent] if beside else [])):
            path = folder / text
            if path.is_file() and path.suffix != ".py":
                return path
        return None

    def _look(self, module: str) -> bool:
        if module.partition(".")[0] == _HOUSE:
            return False
        if module == "__main__":
            return True
        path = module_file(sys.modules.get(module))
        if path is None or _INSTALLED.intersection(path.parts):
            return False
        if path.is_relative_to(self.folder):
            return True
        return not any(path.is_relative_to(library) for library in self._library)

    @cached_property
    def _library(self) -> tuple[Path, ...]:
        paths = sysconfig.get_paths()
        return tuple({Path(paths[name]).resolve() for name in ("stdlib", "platstdlib")})


_LONGEST_PATH = 250


def module_file(module: ModuleType | None) -> Path | None:
    """Return the file, or for a package without one the folder, of a module; None: built in."""
    if module is None:
        return None
    if file := getattr(module, "__file__", None):
        return Path(file).resolve()
    places = list(getattr(module, "__path__", ()))
    return Path(places[0]).resolve() if places else None
