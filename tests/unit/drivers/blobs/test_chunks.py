"""Where bytes are cut, and what an edit moves."""

import io
import random

import pytest

from bucle.base.digest import digest_bytes
from bucle.drivers.blobs.chunks import LEAST_BYTES, MOST_BYTES, chunks_of, cuts

NOISE = random.Random(7).randbytes(12 << 20)
TEXT = "\n".join(f"{n},{n * 7919 % 104729},user{n * 31 % 977}" for n in range(300_000)).encode()
CONTENTS = {"noise": NOISE, "text": TEXT, "zeros": bytes(5 << 20), "short": b"x", "empty": b""}


def chunks(content: bytes, **options: int) -> list[bytes]:
    return [bytes(chunk) for chunk in chunks_of(io.BytesIO(content), **options)]


def fresh_bytes(old: bytes, new: bytes) -> int:
    there = {digest_bytes(chunk) for chunk in chunks(old)}
    return sum(len(chunk) for chunk in chunks(new) if digest_bytes(chunk) not in there)


@pytest.mark.parametrize("name", CONTENTS)
def test_the_chunks_together_are_the_content(name: str) -> None:
    assert b"".join(chunks(CONTENTS[name])) == CONTENTS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_no_chunk_is_too_long_and_only_the_last_is_short(name: str) -> None:
    lengths = [len(chunk) for chunk in chunks(CONTENTS[name])]
    assert all(length >= LEAST_BYTES for length in lengths[:-1])
    assert all(length <= MOST_BYTES for length in lengths)


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("buffer_bytes", [1, 3_200_000, 7_654_321])
def test_the_cuts_do_not_depend_on_how_much_is_read_at_once(name: str, buffer_bytes: int) -> None:
    content = CONTENTS[name]
    assert chunks(content, buffer_bytes=buffer_bytes) == chunks(content)
    assert [len(part) for part in chunks(content)] == _lengths(list(cuts(content, whole=True)))


def _lengths(ends: list[int]) -> list[int]:
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("seed", range(6))
def test_one_byte_changed_or_put_in_or_out_makes_less_than_a_megabyte_of_new_chunks(
    seed: int,
) -> None:
    place = random.Random(seed).randrange(len(NOISE))
    before, after = NOISE[:place], NOISE[place:]
    changed = before + bytes([after[0] ^ 1]) + after[1:]
    for new in (changed, before + b"!" + after, before + after[1:]):
        assert 0 < fresh_bytes(NOISE, new) < 1_000_000


def test_the_cuts_are_those_of_every_release() -> None:
    # Other cuts are no error of any reader; they store every large file once more.
    ends = list(cuts(NOISE[: 2 << 20], whole=True))
    assert digest_bytes(repr(ends).encode())[:16] == "fa7161a481154b6f"
