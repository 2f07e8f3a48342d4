"""`Page`: one stretch of a listing, and the opaque token that asks for the next."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from bucle.base.errors import Invalid

T = TypeVar("T")
_MOST_OFFSET = 1 << 40


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some of the items of a listing, in the listing's order."""

    items: tuple[T, ...]
    next_token: str | None = None  # None: there is no more


def encode_token(*place: str | float) -> str:
    """Wrap the place where the next page starts."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_token(token: str, *kinds: type) -> tuple[object, ...]:
    """Unwrap a place; one type per part.

    Raises:
        Invalid: the token was not made by `encode_token` for this listing.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        place = msgspec.json.decode(raw, type=tuple[kinds])  # type: ignore[valid-type]
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid(
            f"{token!r} is not a page token of this listing", hint="start again without a token"
        ) from error
    return tuple(place)


def decode_offset(token: str | None, mark: str) -> int:
    """Unwrap a place that is a number of items; no token is the beginning.

    Args:
        token: what `encode_token(mark, offset)` made, or None.
        mark: what tells this listing from any other.

    Raises:
        Invalid: the token was not made for this listing.
    """
    if token is None:
        return 0
    listing, offset = decode_token(token, str, int)
    if listing != mark or not 0 < int(str(offset)) < _MOST_OFFSET:
        raise Invalid(
            f"{token!r} is not a page token of this listing", hint="start again without a token"
        )
    return int(str(offset))


def encode_place(mark: str, values: Sequence[str | int | datetime]) -> str:
    """Wrap the values by which the last item of a page is ordered."""
    plain = [one.isoformat() if isinstance(one, datetime) else one for one in values]
    return encode_token(mark, *plain)


def decode_place(
    token: str | None, mark: str, kinds: Sequence[type]
) -> tuple[str | int | datetime, ...] | None:
    """Unwrap the values after which the next page starts; no token is the beginning.

    Args:
        token: what `encode_place(mark, values)` made, or None.
        mark: what tells this listing from any other.
        kinds: the type of each value: str, int or datetime.

    Raises:
        Invalid: the token was not made for this listing.
    """
    if token is None:
        return None
    listing, *values = decode_token(token, str, *kinds)
    if listing != mark or not all(map(_may_be, values)):
        raise Invalid(
            f"{token!r} is not a page token of this listing", hint="start again without a token"
        )
    return tuple(values)  # type: ignore[arg-type]


def _may_be(value: object) -> bool:
    """Tell whether a value can have been in a row: a database refuses what can not."""
    match value:
        case str():
            return "\0" not in value
        case int():
            return abs(value) < _MOST_OFFSET
        case datetime():
            return value.utcoffset() == timedelta(0)
    return False
