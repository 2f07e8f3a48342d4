"""Tell from what files say of their columns which of them may hold certain keys.

What a file says is exact or it is nothing: where nothing is said, the file may hold any key.
"""

from collections.abc import Sequence

from bucle.lifecycle.data.records import DataFile


def may_share(
    files: Sequence[DataFile], others: Sequence[DataFile], key: Sequence[str]
) -> tuple[DataFile, ...]:
    """Return those of the files that may hold a key that one of the others holds."""
    return tuple(file for file in files if any(_meet(file, other, key) for other in others))


def _meet(one: DataFile, other: DataFile, key: Sequence[str]) -> bool:
    return not any(_apart(_range(one, name), _range(other, name)) for name in key)


_Range = tuple[int | str, int | str]


def _apart(one: _Range | None, other: _Range | None) -> bool:
    if one is None or other is None:
        return False
    match one, other:
        case (int(), int()), (int(), int()):
            return one[1] < other[0] or other[1] < one[0]
        case (str(), str()), (str(), str()):
            return one[1] < other[0] or other[1] < one[0]
    return False


def _range(file: DataFile, name: str) -> _Range | None:
    """Return the least and greatest value; None: unknown, or of numbers that may be a NaN."""
    found = next((each for each in file.stats if each.name == name), None)
    if found is None or found.minimum is None or found.maximum is None:
        return None
    if isinstance(found.minimum, float) or isinstance(found.maximum, float):
        return None
    return found.minimum, found.maximum
