"""Tokens, as their owners see them."""

from datetime import datetime

import msgspec


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token's row; its secret is shown once and never stored."""

    id: str
    principal: str
    note: str
    created_at: datetime
    expires_at: datetime | None = None  # None: it does not expire
    revoked_at: datetime | None = None  # None: it is in force


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made, with the text that its bearer shows."""

    token: Token
    bearer: str
