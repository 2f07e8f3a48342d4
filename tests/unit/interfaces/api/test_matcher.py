from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.interfaces.api.matcher import Matcher
from bucle.interfaces.client.remote import segment
from bucle.interfaces.http.paths import segments_of
from bucle.interfaces.operations.table import row_named

ROW = row_named("lineage.trace")


def _row(name: str, method: str, path: str):
    return replace(ROW, name=name, method=method, path=path)


MATCHER = Matcher(
    [
        _row("a.list", "GET", "/models"),
        _row("a.get", "GET", "/models/{ref}"),
        _row("a.promote", "POST", "/models/{ref}/promote"),
        _row("a.champions", "GET", "/models/champions"),
        _row("a.versions", "GET", "/models/{name}/versions"),
        _row("a.diff", "GET", "/models/{left}/diff/{right}"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "name", "values"),
    [
        ("GET", "/models", "a.list", {}),
        ("GET", "/models/", "a.list", {}),
        ("GET", "/models/churn@3", "a.get", {"ref": "churn@3"}),
        ("GET", "/models/a%2Fb%403", "a.get", {"ref": "a/b@3"}),
        ("GET", "/models/a%252Fb", "a.get", {"ref": "a%2Fb"}),
        ("GET", "/models/%C3%B1and%C3%BA", "a.get", {"ref": "ñandú"}),
        ("GET", "/models/%2E%2E", "a.get", {"ref": ".."}),
        ("GET", "/models/champions", "a.champions", {}),
        ("GET", "/models/champions/versions", "a.versions", {"name": "champions"}),
        ("POST", "/models/churn/promote", "a.promote", {"ref": "churn"}),
        ("GET", "/models/a/diff/b%2Fc", "a.diff", {"left": "a", "right": "b/c"}),
    ],
)
def test_a_path_finds_its_row_and_its_values(method, path, name, values) -> None:
    match = MATCHER.find(method, segments_of(path))
    assert match is not None
    assert (match.row.name, match.values) == (name, values)


@pytest.mark.parametrize("path", ["/", "/model", "/models//promote", "/models/a/b/c/d"])
def test_a_path_that_is_no_rows_finds_nothing(path) -> None:
    assert MATCHER.methods_at(segments_of(path)) == ()


def test_a_known_path_tells_which_methods_it_answers_to() -> None:
    assert MATCHER.find("GET", segments_of("/models/a/promote")) is None
    assert MATCHER.methods_at(segments_of("/models/a/promote")) == ("POST",)


def test_a_path_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(Invalid, match="percent-encoded UTF-8"):
        segments_of("/models/%ff")


def test_two_rows_at_one_address_are_a_bug() -> None:
    with pytest.raises(ValueError, match=r"a\.get and a\.list share"):
        Matcher([_row("a.list", "GET", "/models"), _row("a.get", "GET", "/models")])


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_any_name_survives_the_way_through_an_address(name) -> None:
    match = MATCHER.find("GET", segments_of(f"/models/{segment(name)}/versions"))
    assert match is not None
    assert match.values == {"name": name}
