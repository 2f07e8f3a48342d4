import pytest

from bucle.lifecycle.data.prune import may_share
from bucle.lifecycle.data.records import ColumnStats, DataFile

KEY = ("a", "b")


def file(*stats: tuple[str, object, object]) -> DataFile:
    return DataFile(
        digest=str(stats),
        size_bytes=1,
        rows=1,
        stats=tuple(
            ColumnStats(name=name, nulls=0, minimum=low, maximum=high)  # type: ignore[arg-type]
            for name, low, high in stats
        ),
    )


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ([("a", 1, 5)], [("a", 5, 9)], True),
        ([("a", 1, 5)], [("a", 6, 9)], False),
        ([("a", 6, 9)], [("a", 1, 5)], False),
        ([("a", 1, 5), ("b", "x", "y")], [("a", 1, 5), ("b", "z", "zz")], False),
        ([("a", 1, 5), ("b", "x", "y")], [("a", 1, 5), ("b", "y", "zz")], True),
        ([("a", "2026-01-01", "2026-01-31")], [("a", "2026-02-01", "2026-02-02")], False),
        ([("a", 1.0, 2.0)], [("a", 3.0, 4.0)], True),  # a NaN is in no range
        ([("a", None, None)], [("a", 3, 4)], True),
        ([("a", 1, 2)], [("a", "3", "4")], True),
        ([], [("a", 3, 4)], True),
        ([("c", 1, 2)], [("c", 3, 4)], True),  # not of the key
    ],
)
def test_files_are_apart_only_where_what_they_say_of_the_key_is_sure(
    one: list[tuple[str, object, object]], other: list[tuple[str, object, object]], may: object
) -> None:
    assert bool(may_share([file(*one)], [file(*other)], KEY)) is may
