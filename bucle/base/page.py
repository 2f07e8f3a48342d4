"""`Page`: one stretch of a listing, and the opaque token that asks for the next."""

import base64
from typing import Generic, TypeVar

import msgspec

from bucle.base.errors import Invalid

T = TypeVar("T")


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
