"""Tell from what files say of their columns which of them may hold certain keys.

What a file says is exact or it is nothing: where nothing is said, the file may hold any key.
"""

from collections.abc import Sequence

from bucle.lifecycle.data.records import ColumnStats, DataFile


def may_share(
    files: Sequence[DataFile], others: Sequence[DataFile], key: Sequence[str]
) -> tuple[DataFile, ...]:
    """Return those of the files that may hold a key that one of the others holds."""
    wanted = [_ranges(other, key) for other in others]
    return tuple(
        file for file in files if any(_meet(_ranges(file, key), other) for other in wanted)
    )


def _meet(one: "list[_Range | None]", other: "list[_Range | None]") -> bool:
    return not any(_apart(*both) for both in zip(one, other, strict=True))


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


def _ranges(file: DataFile, key: Sequence[str]) -> list[_Range | None]:
    said = {each.name: each for each in file.stats}
    return [_range(said.get(name)) for name in key]


def _range(found: ColumnStats | None) -> _Range | None:
    """Return the least and greatest value; None: unknown, or of numbers that may be a NaN."""
    if found is None or found.minimum is None or found.maximum is None:
        return None
    if isinstance(found.minimum, float) or isinstance(found.maximum, float):
        return None
    return found.minimum, found.maximum
