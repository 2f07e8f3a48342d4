"""Which names in a statement are versions of datasets; a table of cases, and the way back."""

import pytest

from bucle.lifecycle.data.ask.tables import quoted_versions

CASES = [
    ("SELECT 1", "SELECT 1", {}),
    ("FROM trips@3", 'FROM "trips@3"', {"trips@3"}),
    ('FROM "my data"@golden t', 'FROM "my data@golden" t', {"my data@golden"}),
    ("FROM trips@2026-01-01T10:00:00+01:00,x", 'FROM "trips@2026-01-01T10:00:00+01:00",x',
     {"trips@2026-01-01T10:00:00+01:00"}),
    ("FROM trips@v1.2-clean)", 'FROM "trips@v1.2-clean")', {"trips@v1.2-clean"}),
    ('FROM trips@"2026-01-01 10:00"', 'FROM "trips@2026-01-01 10:00"',
     {"trips@2026-01-01 10:00"}),
    ("FROM Ventas_año@1", 'FROM "Ventas_año@1"', {"Ventas_año@1"}),
    ("SELECT 'trips@3', \"trips@3\" -- trips@3\n/* trips@3 */ FROM t", None, {}),
    ("SELECT $$trips@3$$, $a$ it's trips@3 $a$, E'\\'trips@3' FROM t", None, {}),
    ("SELECT 'it''s trips@3' FROM t", None, {}),
    ("SELECT @ -3, a - @b FROM t", None, {}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "written", "names"), CASES)
def test_a_name_with_a_version_is_put_in_quotes_and_text_is_left_alone(
    asked: str, written: str | None, names: set[str]
) -> None:
    found = quoted_versions(asked)
    assert found.sql == (written or asked)
    assert set(found.tables) == set(names)


def test_a_place_is_found_again_in_what_was_asked() -> None:
    asked = "SELECT x FROM trips@3 JOIN b@1 USING (y) WHERE z"
    found = quoted_versions(asked)
    for word in ("x", "USING", "(y)", "z"):
        assert found.place(found.sql.index(word)) == asked.index(word)
    assert found.place(found.sql.index("b@1") + 1) == asked.index("b@1")
