"""The tables of principals, grants and tokens."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, Row, String, Table, delete, insert, or_, select, update

from bucle.base.errors import NotFound
from bucle.drivers.db import UtcDateTime, metadata
from bucle.governance.access.records import Token
from bucle.governance.principals import EVERY_PROJECT, Grant, Principal

principals = Table(
    "principals",
    metadata,
    Column("project", String, nullable=False),
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
grants = Table(
    "grants",
    metadata,
    Column("principal", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("role", String, primary_key=True),
)
tokens = Table(
    "tokens",
    metadata,
    Column("project", String, nullable=False),
    Column("id", String, primary_key=True),
    Column("principal", String, nullable=False),
    Column("secret_digest", String, nullable=False),
    Column("note", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)


def find_principal(tx: Connection, name: str) -> Principal | None:
    """Return a principal with its grants, or None."""
    row = tx.execute(select(principals).where(principals.c.name == name)).one_or_none()
    if row is None:
        return None
    granted = tx.execute(
        select(grants.c.role, grants.c.project)
        .where(grants.c.principal == name)
        .order_by(grants.c.project, grants.c.role)
    )
    held = tuple(Grant(role=found.role, project=found.project) for found in granted)
    return Principal(name=name, kind=row.kind, grants=held)


def get_principal(tx: Connection, name: str) -> Principal:
    """Return a principal with its grants."""
    if found := find_principal(tx, name):
        return found
    raise NotFound(f"there is no principal {name!r}", hint="bucle access principals")


def list_principals(tx: Connection) -> tuple[Principal, ...]:
    """Return every principal, by name."""
    names = tx.execute(select(principals.c.name).order_by(principals.c.name)).scalars().all()
    return tuple(get_principal(tx, name) for name in names)


def add_principal(tx: Connection, name: str, kind: str, now: datetime) -> None:
    """Insert a principal without grants."""
    tx.execute(
        insert(principals).values(project=EVERY_PROJECT, name=name, kind=kind, created_at=now)
    )


def add_grants(tx: Connection, name: str, new: Iterable[Grant]) -> None:
    """Add grants that the principal does not hold yet."""
    held = set(get_principal(tx, name).grants)
    for grant in new:
        if grant not in held:
            tx.execute(
                insert(grants).values(principal=name, project=grant.project, role=grant.role)
            )


def remove_grant(tx: Connection, name: str, grant: Grant) -> bool:
    """Remove a grant; tell whether it was held."""
    done = tx.execute(
        delete(grants).where(
            grants.c.principal == name,
            grants.c.project == grant.project,
            grants.c.role == grant.role,
        )
    )
    return done.rowcount > 0


def add_token(tx: Connection, token: Token, secret_digest: str) -> None:
    """Insert a token."""
    tx.execute(
        insert(tokens).values(
            project=EVERY_PROJECT,
            id=token.id,
            principal=token.principal,
            secret_digest=secret_digest,
            note=token.note,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


def find_token(tx: Connection, token_id: str) -> tuple[Token, str] | None:
    """Return a token and the digest of its secret, or None."""
    row = tx.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    return (_token(row), row.secret_digest) if row else None


def list_tokens(tx: Connection) -> tuple[Token, ...]:
    """Return every token, newest first."""
    return tuple(_token(row) for row in tx.execute(select(tokens).order_by(tokens.c.id.desc())))


def list_digests(tx: Connection, now: datetime) -> tuple[tuple[Token, str], ...]:
    """Return every token in force with the digest of its secret, oldest first."""
    query = select(tokens).where(
        tokens.c.revoked_at.is_(None), or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)
    )
    return tuple(
        (_token(row), row.secret_digest) for row in tx.execute(query.order_by(tokens.c.id))
    )


def revoke_token(tx: Connection, token_id: str, now: datetime) -> bool:
    """Mark a token as revoked; tell whether it was in force."""
    done = tx.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return done.rowcount > 0


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        principal=row.principal,
        note=row.note,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
