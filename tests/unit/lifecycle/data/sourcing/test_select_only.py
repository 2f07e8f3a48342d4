"""A query of a source is one SELECT: what else it could be is refused before a database sees it."""

import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data.sourcing.select_only import require_select


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        " select a, b from t where c = 'x; drop table t' ; ",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "SELECT 'it''s' AS \"update\", t.delete -- insert\n FROM t /* delete */",
        "SELECT $a$ ; delete $a$",
        "SELECT ((1))",
    ],
)
def test_one_select_passes(query: str) -> None:
    require_select(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "-- SELECT 1",
        "DELETE FROM t",
        "SELECT 1; SELECT 2",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "SELECT * INTO other FROM t",
        "SELECT 1) AS a; DROP TABLE t; SELECT * FROM (SELECT 1",
        "SELECT 1) AS a UNION (SELECT 2",
        "SELECT * FROM t FOR UPDATE",
        "SELECT 'open",
        "SELECT 'a\\'; DROP TABLE t; --'",
        "PRAGMA writable_schema = 1",
    ],
)
def test_anything_else_is_refused(query: str) -> None:
    with pytest.raises(Invalid, match="one SELECT"):
        require_select(query)
