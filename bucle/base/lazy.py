"""Open a package name by name: each is imported from its file when it is first used.

A room's `__init__` names what others may use.  Were it to import all of that, `bucle data list`
would load what reads Parquet files and takes commits, and Arrow, NumPy and the rest with it.
Why and how: docs/decisions/0011-rooms-open-name-by-name.md.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """A package whose names are found in its files when somebody asks."""

    _places: Mapping[str, str]  # name -> the file of this package that has it

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever is behind the name
        if name not in self._places:
            raise AttributeError(f"{self.__name__} has no {name!r}")
        value = getattr(import_module(f"{self.__name__}.{self._places[name]}"), name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # An import leaves the file `diff` in its package as `diff`, where the verb `diff` belongs.
        if not (isinstance(value, ModuleType) and name in self._places):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._places})


def open_by_name(package: str, places: Mapping[str, str]) -> None:
    """Let a package's names be imported when they are first used.

    Args:
        package: the `__name__` of the package that calls.
        places: the names that each of its files gives, parted by spaces, by the file's name.
    """
    module = sys.modules[package]
    module.__dict__["_places"] = {
        name: file for file, names in places.items() for name in names.split()
    }
    module.__class__ = _Package
