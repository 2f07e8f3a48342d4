"""Page tokens: opaque, and good for the listing that gave them only."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.base.page import decode_place, encode_place, encode_token

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
KINDS = (str, int, datetime)


def test_a_place_comes_back_as_it_was() -> None:
    token = encode_place("models", ["ñ/ü", 7, AT])
    assert decode_place(token, "models", KINDS) == ("ñ/ü", 7, AT)
    assert decode_place(None, "models", KINDS) is None


@pytest.mark.parametrize(
    "token",
    [
        encode_place("versions", ["a", 7, AT]),
        encode_place("models", ["a", 7]),
        encode_place("models", [7, "a", AT]),
        encode_place("models", ["a", 1 << 70, AT]),
        encode_place("models", ["a", 7, AT.replace(tzinfo=None)]),
        encode_place("models", ["a", 7, datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))]),
        encode_place("models", ["a\0", 7, AT]),
        encode_token("models", 5),
        "garbage",
        "",
    ],
)
def test_a_token_that_is_not_of_this_listing_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match="not a page token"):
        decode_place(token, "models", KINDS)


@given(st.text())
def test_no_text_is_more_than_refused(text: str) -> None:
    with suppress(Invalid):
        decode_place(text, "models", KINDS)
