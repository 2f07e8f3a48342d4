"""Feature views as a project's Python has them: found by name, as they are now."""

import sys
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.lifecycle.features import load_views

VIEW = """
import bucle
{more}
spend = bucle.feature_view(
    name="spend", entity=bucle.Entity(name="card", keys=("card",)), source="payments", time="at",
    columns=("{column}",), owner="me", description="Spending",
)
VIEWS = [spend]
PAIR = [spend, spend]
ODD = [spend, 7]
"""


def write(folder: Path, column: str = "amount", more: str = "", name: str = "features") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(VIEW.format(column=column, more=more))


def test_the_views_of_a_list_are_found_and_one_alone_too(tmp_path: Path) -> None:
    write(tmp_path)
    (view,) = load_views(tmp_path, "features:VIEWS")
    assert view.columns == ("amount",)
    assert load_views(tmp_path, "features:spend") == (view,)


def test_an_edit_is_seen_and_nothing_of_the_project_stays_imported(tmp_path: Path) -> None:
    write(tmp_path, more="import settings_of_mine")
    (tmp_path / "settings_of_mine.py").write_text("")
    before = set(sys.modules), list(sys.path)
    load_views(tmp_path, "features:VIEWS")
    write(tmp_path, column="price")
    (view,) = load_views(tmp_path, "features:VIEWS")
    assert view.columns == ("price",)
    assert not {"features", "settings_of_mine"} & set(sys.modules)
    assert sys.path == before[1]


def test_two_projects_may_call_their_modules_the_same(tmp_path: Path) -> None:
    write(tmp_path / "one", "amount")
    write(tmp_path / "two", "price")
    found = [load_views(tmp_path / name, "features:VIEWS")[0].columns for name in ("one", "two")]
    assert found == [("amount",), ("price",)]


def test_a_module_of_the_same_name_that_is_imported_here_stays(tmp_path: Path) -> None:
    write(tmp_path, name="colorsys")
    import colorsys

    load_views(tmp_path, "colorsys:VIEWS")
    assert sys.modules["colorsys"] is colorsys


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        ("features", Invalid, "names no feature views"),
        ("elsewhere:VIEWS", NotFound, "there is no module 'elsewhere'"),
        ("features:OTHERS", NotFound, "has no 'OTHERS'"),
        ("features:ODD", Invalid, "holds a int, which is no feature view"),
        ("features:PAIR", Invalid, "has two views 'spend'"),
    ],
)
def test_a_wrong_reference_is_told(
    tmp_path: Path, reference: str, error: type[Exception], said: str
) -> None:
    write(tmp_path)
    with pytest.raises(error, match=said):
        load_views(tmp_path, reference)


def test_an_error_of_the_module_itself_is_not_taken_for_its_absence(tmp_path: Path) -> None:
    write(tmp_path, more="import nothing_like_this")
    with pytest.raises(ModuleNotFoundError, match="nothing_like_this"):
        load_views(tmp_path, "features:VIEWS")
