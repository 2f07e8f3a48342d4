import sys

from bucle.interfaces.cli.talk import ProgressBars, waiting


def test_nothing_is_drawn_where_no_terminal_looks_on(capsys) -> None:
    bars = ProgressBars(patience_s=0)
    for moved in range(11):
        bars("trips.csv", moved, 10)
    with waiting("working"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_slow_transfer_gets_a_bar_that_goes_away(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bars = ProgressBars(patience_s=0)
    bars("trips.csv", 1, 10)
    bars("trips.csv", 5, 10)
    assert bars._bars is not None
    bars("trips.csv", 10, 10)
    assert bars._bars is None
    assert capsys.readouterr().out == ""


def test_a_quick_transfer_gets_none(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bars = ProgressBars()
    bars("trips.csv", 1, 10)
    assert bars._bars is None
    bars("trips.csv", 10, 10)
    assert capsys.readouterr() == ("", "")
