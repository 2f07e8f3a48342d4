"""A PostgreSQL to test against: one that was named, one that runs here, or one of our own.

Looked for in this order: `BUCLE_TEST_POSTGRESQL_URL`, a server at 127.0.0.1:5432 that trusts
us, a server that is started for this session from the installed programs.
"""

import getpass
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from tests.support.absent import missing
from tests.support.processes import free_port

_NAMED = os.environ.get("BUCLE_TEST_POSTGRESQL_URL", "")
_DRIVER = "postgresql+psycopg"


@contextmanager
def server() -> Iterator[URL]:
    """Yield the URL of a server's `postgres` database, as somebody who may create databases."""
    if _NAMED:
        yield make_url(_NAMED).set(drivername=_DRIVER)
        return
    for user in ("postgres", getpass.getuser()):
        url = _local(user, 5432)
        if _answers(url):
            yield url
            return
    with _own_server() as url:
        yield url


@contextmanager
def throwaway_database(admin: URL) -> Iterator[str]:
    """Create a database, yield its URL, drop it with whatever is still connected."""
    name = f"bucle_test_{secrets.token_hex(6)}"
    _execute(admin, f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield admin.set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _local(user: str, port: int) -> URL:
    return URL.create(_DRIVER, username=user, host="127.0.0.1", port=port, database="postgres")


def _answers(url: URL) -> bool:
    engine = create_engine(url, connect_args={"connect_timeout": 2})
    try:
        with engine.connect():
            return True
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def _execute(admin: URL, statement: str) -> None:
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@contextmanager
def restartable_server() -> Iterator[tuple[URL, Callable[[], None]]]:
    """Yield the URL of a server of our own, and what restarts it without asking anybody."""
    with _started() as (port, again):
        yield _local("postgres", port), again


@contextmanager
def _own_server() -> Iterator[URL]:
    with _started() as (port, _):
        yield _local("postgres", port)


@contextmanager
def _started() -> Iterator[tuple[int, Callable[[], None]]]:
    programs = _programs()
    if programs is None:
        missing("no PostgreSQL: set BUCLE_TEST_POSTGRESQL_URL, or apt-get install postgresql")
    # PostgreSQL refuses to run as root, so root borrows the account that Debian made for it.
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    prefix = as_user if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="bucle-pg-"))
    port = free_port()
    if prefix:
        shutil.chown(folder, "postgres", "postgres")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    start = [programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-o", options]
    try:
        _run(prefix, [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust",
                      "-E", "UTF8", "--locale=C"])  # fmt: skip
        _run(prefix, [*start, "start"])
        yield port, lambda: _run(prefix, [*start, "-m", "immediate", "restart"])
    finally:
        stop = [programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"]
        subprocess.run([*prefix, *map(str, stop)], check=False, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the newest installed folder of PostgreSQL's programs (Debian keeps them off PATH)."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parent.parent.name),
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _run(prefix: list[str], command: list[Path | str]) -> None:
    # The log goes to a file: a server that inherits our pipe would keep it open for ever.
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(
            [*prefix, *map(str, command)], check=False, stdout=log, stderr=log, cwd="/"
        )
        log.seek(0)
        if done.returncode:
            missing(f"{command[0]} failed: {log.read().decode(errors='replace')[-800:]}")
