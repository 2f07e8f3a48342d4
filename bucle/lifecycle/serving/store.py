"""The table of deployments: one row per revision, the newest in force."""

from sqlalchemy import Column, Connection, Integer, String, Table, and_, func, insert, select
from sqlalchemy.exc import IntegrityError

from bucle.base.codec import convert, to_builtins
from bucle.base.errors import Conflict, NotFound
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, UtcDateTime, metadata
from bucle.lifecycle.serving.records import Deployment

deployments = Table(
    "deployments",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)


def find_deployment(
    tx: Connection, project: str, name: str, revision: int | None = None
) -> Deployment | None:
    """Return a revision, or the newest; None where there is none."""
    query = select(deployments.c.body).where(
        deployments.c.project == project, deployments.c.name == name
    )
    if revision is not None:
        query = query.where(deployments.c.revision == revision)
    body = tx.execute(query.order_by(deployments.c.revision.desc()).limit(1)).scalar()
    return convert(body, Deployment) if body else None


def get_deployment(
    tx: Connection, project: str, name: str, revision: int | None = None
) -> Deployment:
    """Return a revision, or the newest."""
    if found := find_deployment(tx, project, name, revision):
        return found
    what = f"deployment:{name}" + (f"@{revision}" if revision is not None else "")
    raise NotFound(f"{what} does not exist", hint="bucle serving list")


def list_deployments(tx: Connection, project: str) -> tuple[Deployment, ...]:
    """Return the newest revision of every deployment, by name."""
    newest = (
        select(deployments.c.name, func.max(deployments.c.revision).label("revision"))
        .where(deployments.c.project == project)
        .group_by(deployments.c.name)
        .subquery()
    )
    query = (
        select(deployments.c.body)
        .join(
            newest,
            and_(deployments.c.name == newest.c.name, deployments.c.revision == newest.c.revision),
        )
        .where(deployments.c.project == project)
        .order_by(deployments.c.name)
    )
    return tuple(convert(body, Deployment) for body in tx.execute(query).scalars())


def list_revisions(
    tx: Connection, project: str, name: str, *, limit: int, token: str | None = None
) -> Page[Deployment]:
    """Return a deployment's revisions, newest first."""
    query = select(deployments.c.body).where(
        deployments.c.project == project, deployments.c.name == name
    )
    if token is not None:
        (below,) = decode_token(token, int)
        query = query.where(deployments.c.revision < below)
    bodies = tx.execute(query.order_by(deployments.c.revision.desc()).limit(limit + 1))
    found = tuple(convert(body, Deployment) for body in bodies.scalars())
    more = len(found) > limit
    items = found[:limit]
    return Page(items=items, next_token=encode_token(items[-1].revision) if more else None)


def add_deployment(tx: Connection, project: str, deployment: Deployment) -> None:
    """Insert a revision.

    Raises:
        Conflict: another writer made this revision first.
    """
    row = insert(deployments).values(
        project=project,
        name=deployment.name,
        revision=deployment.revision,
        changed_at=deployment.changed_at,
        body=to_builtins(deployment),
    )
    try:
        tx.execute(row)
    except IntegrityError as error:
        raise Conflict(
            f"{deployment.ref.bare} was changed by somebody else meanwhile",
            hint=f"bucle serving get {deployment.name}",
        ) from error
