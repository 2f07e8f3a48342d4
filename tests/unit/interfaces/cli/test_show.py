"""How answers look in a terminal."""

import click
import pytest

from bucle.interfaces.cli.show import cell, print_table
from bucle.interfaces.cli.verb import make_verb
from bucle.interfaces.operations.table import row_named


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["dataset:a@1", "dataset:b@2"], "dataset:a@1, dataset:b@2"),
        ({"mae": 1.5, "r2": 0.25}, "mae=1.5, r2=0.25"),
        ("ab" * 32, "abababababab"),
        ("ab" * 64, "abababababab"),
        ("2026-01-31T12:00:00.123456Z", "2026-01-31 12:00:00"),
        ([{"a": 1}], '[{"a":1}]'),
        (None, ""),
    ],
)
def test_a_cell_holds_what_a_person_reads(value, shown) -> None:
    assert cell(value) == shown


def in_terminal(monkeypatch, capsys, columns, rows):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    print_table(columns, rows)
    told = capsys.readouterr()
    return click.unstyle(told.out).splitlines(), told.err


def test_columns_that_do_not_fit_a_terminal_are_left_out_whole_and_named(
    monkeypatch, capsys
) -> None:
    rows = [["bikes", f"run:{n}", "abababababab", "x" * 20, "root"] for n in range(3)]
    columns = ["project", "ref", "digest", "note", "by"]
    lines, said = in_terminal(monkeypatch, capsys, columns, rows)
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].split() == ["bikes", "run:0", "x" * 20]
    assert "columns do not fit (--json): digest, by" in said


def test_a_table_that_fits_is_whole(monkeypatch, capsys) -> None:
    lines, said = in_terminal(monkeypatch, capsys, ["ref", "digest"], [["a@1", "abababababab"]])
    assert lines[1].split() == ["a@1", "abababababab"]
    assert said == ""


def test_a_choice_that_may_be_left_out_is_not_offered_as_nothing() -> None:
    command = make_verb(row_named("data.commit"), "en")
    (choice,) = (one for one in command.params if one.name == "format")
    assert list(choice.type.choices) == ["arrow", "csv", "excel", "json", "parquet"]
