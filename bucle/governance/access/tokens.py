"""Make, check and revoke bearer tokens.

A secret has 256 random bits, so a plain SHA-256 of it is as hard to turn back as it is to
guess; slow password hashes are for passwords, which Bucle does not keep.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from bucle.base.errors import Denied, NotFound
from bucle.base.refs import Ref
from bucle.drivers.db import Tx
from bucle.governance.access import store
from bucle.governance.access.records import NewToken, Token
from bucle.governance.permissions import Permission
from bucle.governance.principals import EVERY_PROJECT, Grant, Principal
from bucle.governance.scope import Scope

_PREFIX = "bucle"


def create_token(
    scope: Scope, *, principal: str | None = None, note: str = "", lasts: timedelta | None = None
) -> NewToken:
    """Make a token for a principal; without a name, for the actor.

    The bearer's text, `bucle_<id>_<secret>`, is in the answer and nowhere else.
    """
    scope.require(Permission.ACCESS_MANAGE)
    name = principal or scope.actor.name
    if store.find_principal(scope.tx, name) is None:
        if name != scope.actor.name:
            raise NotFound(f"there is no principal {name!r}", hint=f"bucle access add {name}")
        _write_down(scope, scope.actor)
    secret = secrets.token_urlsafe(32)
    token = Token(
        id=scope.new_id(),
        principal=name,
        note=note,
        created_at=scope.now,
        expires_at=scope.now + lasts if lasts else None,
    )
    store.add_token(scope.tx, token, _digest(secret))
    scope.record("token.created", Ref("token", token.id), principal=name, note=note)
    return NewToken(token=token, bearer=f"{_PREFIX}_{token.id}_{secret}")


def revoke_token(scope: Scope, token_id: str) -> Token:
    """End a token at once."""
    scope.require(Permission.ACCESS_MANAGE)
    if not store.revoke_token(scope.tx, token_id, scope.now):
        raise NotFound(f"there is no token {token_id!r} in force", hint="bucle access tokens")
    scope.record("token.revoked", Ref("token", token_id))
    found = store.find_token(scope.tx, token_id)
    assert found is not None
    return found[0]


def list_tokens(scope: Scope) -> tuple[Token, ...]:
    """List tokens, newest first; never their secrets."""
    scope.require(Permission.ACCESS_READ)
    return store.list_tokens(scope.tx)


def digests_in_force(scope: Scope, permission: Permission) -> tuple[tuple[Token, str], ...]:
    """Return the tokens whose holders may do this in the project, each with its secret's SHA-256.

    For a serving plan: a model server checks tokens while the database is out of reach.
    """
    allowed: dict[str, bool] = {}
    found = []
    for token, secret_digest in store.list_digests(scope.tx, scope.now):
        if token.principal not in allowed:
            holder = store.get_principal(scope.tx, token.principal)
            allowed[token.principal] = holder.may(permission, scope.project)
        if allowed[token.principal]:
            found.append((token, secret_digest))
    return tuple(found)


def bearer_of(tx: Tx, text: str, now: datetime) -> Principal:
    """Return the principal whose token this is.

    Raises:
        Denied: not a token of this installation, expired or revoked; which of them is not said.
    """
    parts = text.split("_", 2)
    if len(parts) == 3 and parts[0] == _PREFIX and (found := store.find_token(tx, parts[1])):  # noqa: PLR2004 - prefix, id, secret
        token, secret_digest = found
        if hmac.compare_digest(_digest(parts[2]), secret_digest) and _is_alive(token, now):
            return store.get_principal(tx, token.principal)
    raise _not_valid()


def holder_of(tx: Tx, token_id: str, now: datetime) -> Principal:
    """Return the principal of a token whose secret was checked before: a session's.

    Raises:
        Denied: the token has expired or was revoked since.
    """
    found = store.find_token(tx, token_id)
    if found is None or not _is_alive(found[0], now):
        raise _not_valid()
    return store.get_principal(tx, found[0].principal)


def token_id_of(text: str) -> str:
    """Return the part of a bearer's text that is no secret."""
    return text.split("_", 2)[1]


def _is_alive(token: Token, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _not_valid() -> Denied:
    return Denied("the token is not valid here", hint="bucle access token create")


def _write_down(scope: Scope, principal: Principal) -> None:
    store.add_principal(scope.tx, principal.name, principal.kind, scope.now)
    store.add_grants(scope.tx, principal.name, (Grant(role="owner", project=EVERY_PROJECT),))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
