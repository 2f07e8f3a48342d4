"""Find the files of folders, and what the operating system says of each.

Links to files are followed, as data often lie on another disk; links to folders are refused, as
they may lead in a circle, and so is what is no file at all.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bucle.base.errors import Invalid
from bucle.lifecycle import data


class Found(msgspec.Struct, frozen=True):
    """A file as the operating system sees it."""

    place: str  # the path to open
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def files_in(paths: Sequence[Path]) -> dict[str, Found]:
    """Return the files by the paths that they have in a version.

    Of one folder, these are the paths in it; of several folders, and of files, they begin with
    each one's name.

    Raises:
        Invalid: there is nothing at a path, a name may not be one, or two files would be one.
    """
    found: dict[str, Found] = {}
    for path in paths:
        if path.is_dir():
            begin = "" if len(paths) == 1 else f"{path.resolve().name}/"
            several: Iterator[tuple[str, Found]] = _walk(str(path), begin)
        elif path.is_file():
            several = iter([(path.name, _found(str(path), path.stat()))])
        else:
            raise Invalid(f"{path} is neither a file nor a folder", hint="check the path")
        for name, file in several:
            if name in found:
                raise Invalid(f"two files would be {name!r}: {found[name].place}, {file.place}")
            found[data.check_path(name)] = file
    return found


def _walk(folder: str, begin: str) -> Iterator[tuple[str, Found]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = begin + entry.name
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path, name + "/")
                elif entry.is_symlink():
                    yield name, _followed(entry.path)
                else:
                    yield name, _found(entry.path, entry.stat(follow_symlinks=False))
    except OSError as error:
        raise Invalid(f"{folder} can not be read: {error.strerror or error}") from error


def _followed(place: str) -> Found:
    if not os.path.exists(place):  # noqa: PTH110 - a path of text, as all here
        raise Invalid(f"{place} is a link that leads nowhere", hint="remove it, or mend it")
    found = os.stat(place)  # noqa: PTH116 - as above
    if stat.S_ISDIR(found.st_mode):
        raise Invalid(
            f"{place} is a link to a folder, and might lead in a circle",
            hint="commit the folder itself, or put its files in place of the link",
        )
    return _found(place, found)


def _found(place: str, said: os.stat_result) -> Found:
    if not stat.S_ISREG(said.st_mode):
        raise Invalid(f"{place} is no file but a device, a pipe or a socket", hint="move it away")
    return Found(place, said.st_size, said.st_mtime_ns, said.st_ctime_ns, said.st_ino)
