import pyarrow as pa
import pytest

from bucle.lifecycle.features.stream.layout import (
    chunk_key,
    hops_of,
    kind_of,
    tile_id,
    tile_prefix,
)

HOUR, DAY = 3_600_000_000, 86_400_000_000


def test_the_shortest_window_has_64_tiles_and_no_window_very_many() -> None:
    hops = hops_of([30 * DAY, DAY, 7 * DAY])
    assert hops == (DAY // 64, DAY // 2)
    assert hops_of([HOUR]) == (56_250_000,)
    assert hops_of([]) == ()
    assert 128 * hops_of([HOUR, 365 * DAY])[-1] >= 365 * DAY


@pytest.mark.parametrize("length", [1, 63, 65, 400 * 365 * DAY])
def test_a_window_of_any_length_has_tiles_of_at_least_a_microsecond(length: int) -> None:
    assert hops_of([length])[0] >= 1


@pytest.mark.parametrize("tile", [-(2**62), -1, 0, 1, 2**62])
def test_a_tile_is_known_from_its_key(tile: int) -> None:
    assert tile_id(tile_prefix(3, tile) + b"entity") == (3, tile)


def test_tiles_lie_in_the_order_of_their_time() -> None:
    tiles = [-(2**40), -1, 0, 1, 2**40]
    assert sorted(tile_prefix(0, tile) for tile in tiles) == [
        tile_prefix(0, tile) for tile in tiles
    ]


def test_rows_of_different_things_are_never_called_the_same() -> None:
    tile = tile_prefix(0, 5) + b"entity"
    assert len({tile, chunk_key(tile, 0), chunk_key(tile, 1)}) == 3


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (pa.bool_(), "bool"), (pa.int8(), "whole"), (pa.uint64(), "whole"),
        (pa.float32(), "fraction"), (pa.decimal128(9, 2), "decimal"), (pa.date32(), "date"),
        (pa.timestamp("ns"), "moment"), (pa.timestamp("us", "UTC"), "instant"),
        (pa.string(), "text"), (pa.list_(pa.int64()), "other"),
    ],
)  # fmt: skip
def test_each_type_is_written_as_its_kind(type_: pa.DataType, kind: str) -> None:
    assert kind_of(type_) == kind
