"""The files of a table, as every engine takes them."""

from collections.abc import Sequence
from pathlib import Path

from bucle.base.errors import Invalid, NotFound


def files_of(name: str, source: Sequence[str | Path]) -> list[str]:
    """Return the absolute paths of a table's files.

    Raises:
        Invalid: it is one bare path, or there are none.
        NotFound: there is no such file.
    """
    if isinstance(source, str | Path):
        raise Invalid(f"table {name!r} is one path", hint=f"give a list: [{str(source)!r}]")
    paths = [str(Path(path).absolute()) for path in source]
    if not paths:
        raise Invalid(f"table {name!r} has no files", hint="give an empty Arrow table")
    for path in paths:
        if not Path(path).is_file():
            raise NotFound(f"table {name!r}: there is no file {path}")
    return paths
