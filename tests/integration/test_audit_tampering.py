"""Whoever changes a byte of what happened, or cuts it short, is found out; on both databases."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.audit.records import AuditReport
from bucle.governance.audit.verify import verify
from bucle.governance.session import House
from bucle.interfaces.cli.main import run
from tests.support import postgresql

COUNT = 5
SERVICE = pytest.mark.service
# column -> an expression of the same column with one byte (or less) of difference
CHANGES = {
    "id": "substr(id, 1, 25) || '!'",
    "at": {
        "sqlite": "'3' || substr(at, 2)",
        "postgresql": "at + interval '1 microsecond'",
    },
    "actor": "'_' || substr(actor, 2)",
    "type": "'_' || substr(type, 2)",
    "ref": "'_' || substr(ref, 2)",
    "body": "replace(body, '22', '23')",
    "previous": "'_' || substr(previous, 2)",
    "digest": "'_' || substr(digest, 2)",
    "project": "project || '_'",
}
# bytes that leave the value as it is, or leave none that can be read
SPELLINGS = [
    ("body", "replace(body, ',', ', ')"),
    ("body", "'_' || substr(body, 2)"),
    ("body", "replace(body, 'e22', 'E22')"),
    ("at", "replace(at, ' ', 'T')"),
    ("at", "'_' || substr(at, 2)"),
]


class _Undone(Exception):  # noqa: N818 - no error: the way out of a transaction
    """What was tampered with is put back."""


class Told:
    """A house in which five things happened, and a hand in its database."""

    def __init__(self, folder: Path, database_url: str) -> None:
        environ = {"BUCLE_HOME": str(folder), "BUCLE_DATABASE_URL": database_url}
        self.house = House(load_settings(environ))
        for number in range(1, COUNT + 1):
            with self.house.session().begin() as scope:
                scope.record("thing.happened", Ref("run", f"n{number}"), at=number, share=3e22)
        self.dialect = self.house.drivers.database.dialect

    def after(self, *statements: str) -> AuditReport:
        """Return what is found after a tampering, which is undone."""
        found: list[AuditReport] = []
        with suppress(_Undone), self.house.session().begin() as scope:
            for statement in statements:
                assert scope.tx.execute(text(statement)).rowcount == 1, statement
            found.append(verify(scope))
            raise _Undone
        return found[0]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=SERVICE)])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/bucle.db"
        if request.param == "postgresql":
            server = request.getfixturevalue("_postgresql_server")
            url = stack.enter_context(postgresql.throwaway_database(server))
        opened = Told(folder, url)
        stack.callback(opened.house.close)
        yield opened


def test_an_untouched_chain_is_whole(told: Told) -> None:
    report = told.after()
    assert (report.ok, report.count, report.problem) == (True, COUNT, "")


@pytest.mark.parametrize("column", CHANGES)
def test_one_changed_byte_of_any_column_of_any_event_is_named(told: Told, column: str) -> None:
    change = CHANGES[column]
    expression = change if isinstance(change, str) else change[told.dialect]
    for number in range(1, COUNT + 1):
        report = told.after(f"UPDATE events SET {column} = {expression} WHERE number = {number}")
        assert (report.ok, report.broken_at) == (False, number), report
        assert f"event {number}" in report.problem or f"{number - 1} events" in report.problem


@pytest.mark.parametrize(("column", "expression"), SPELLINGS)
def test_a_byte_that_only_spells_a_value_otherwise_is_named(
    told: Told, column: str, expression: str
) -> None:
    if column == "at" and told.dialect != "sqlite":
        pytest.skip("PostgreSQL keeps a time as a number, which has one spelling")
    report = told.after(f"UPDATE events SET {column} = {expression} WHERE number = 3")
    assert (report.ok, report.broken_at, report.problem) == (False, 3, "event 3 was changed")


def test_a_removed_tail_is_named(told: Told) -> None:
    report = told.after(f"DELETE FROM events WHERE number = {COUNT}")
    assert (report.ok, report.broken_at) == (False, COUNT)
    assert report.problem == f"the tail was cut: {COUNT - 1} events are left of {COUNT}"


def test_a_removed_event_in_the_middle_is_named(told: Told) -> None:
    report = told.after("DELETE FROM events WHERE number = 3")
    assert (report.broken_at, report.problem) == (3, "event 3 is missing")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event_heads SET count = count - 1",
        "UPDATE event_heads SET digest = '_' || substr(digest, 2)",
        "UPDATE event_heads SET signature = '_' || substr(signature, 2)",
        "DELETE FROM event_heads",
    ],
)
def test_a_changed_or_removed_head_is_named(told: Told, change: str) -> None:
    report = told.after(change)
    assert not report.ok
    assert "head" in report.problem


def test_a_cut_tail_with_a_head_to_match_is_not_signed(told: Told) -> None:
    report = told.after(
        f"DELETE FROM events WHERE number = {COUNT}",
        "UPDATE event_heads SET count = count - 1, "
        f"digest = (SELECT digest FROM events WHERE number = {COUNT - 1})",
    )
    assert report.problem == "the head is not signed by this installation"


def test_the_command_line_leaves_with_an_exit_code_that_stops_a_script(
    told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUCLE_HOME", told.house.settings.home)
    monkeypatch.setenv("BUCLE_DATABASE_URL", told.house.settings.database_url)
    monkeypatch.setenv("BUCLE_PROJECT", "other")
    with told.house.session(project="other").begin() as scope:
        scope.record("thing.happened", Ref("run", "n1"))
    assert run(["audit", "verify"]) == 0
    with told.house.drivers.database.begin() as tx:
        tx.execute(text("UPDATE events SET actor = 'nobody' WHERE project = 'other'"))
    capsys.readouterr()
    assert run(["audit", "verify", "--json"]) == 7
    assert json.loads(capsys.readouterr().out)["broken_at"] == 1
    assert run(["audit", "verify"]) == 7
    assert "was changed" in capsys.readouterr().out
