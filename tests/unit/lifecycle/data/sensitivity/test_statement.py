"""Which columns a statement is made of: the parser's tree is read, and nothing is guessed."""

import pytest

from bucle.drivers.engine import Engine, open_engine
from bucle.lifecycle.data.sensitivity.statement import columns_of

TABLES = {"source": ("id", "email", "fare", "city")}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine("duckdb:")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT id, email AS mail FROM source", {"id": "id", "mail": "email"}),
        ("SELECT upper(EMAIL) || city AS both FROM source", {"both": "city email"}),
        ("SELECT * EXCLUDE (email) FROM source", {"id": "id", "fare": "fare", "city": "city"}),
        (
            "WITH a AS (SELECT id AS k, email AS m FROM source) SELECT a.k, m AS n FROM a",
            {"k": "id", "n": "email"},
        ),
        ("SELECT x.e FROM (SELECT email AS e FROM source) AS x", {"e": "email"}),
        (
            "SELECT s.id, t.email FROM source AS s JOIN source AS t ON s.id = t.id",
            {"id": "id", "email": "email"},
        ),
        ("SELECT 1 AS a UNION ALL SELECT fare FROM source", {"a": "fare"}),
        (
            "SELECT city, count(*) AS n, sum(fare) AS fares FROM source GROUP BY city",
            {"city": "city", "n": "", "fares": "fare"},
        ),
        (
            "SELECT CASE WHEN email = 'a' THEN 1 ELSE 0 END AS is_a FROM source",
            {"is_a": "email"},
        ),
        (
            "SELECT row_number() OVER (PARTITION BY email) AS n FROM source",
            {"n": "email"},
        ),
    ],
)
def test_each_column_is_made_of_those_that_its_expression_names(
    engine: Engine, sql: str, expected: dict[str, str]
) -> None:
    made = columns_of(engine, sql, TABLES)
    assert made is not None
    found = {name: " ".join(sorted(column for _, column in used)) for name, used in made.items()}
    assert found == expected


@pytest.mark.parametrize(
    "sql",
    [
        "no statement at all",
        "SELECT (SELECT max(email) FROM source) AS m FROM source",
        "SELECT upper(email) FROM source",  # a column without a name of its own
        "SELECT e FROM source AS x(a, b, c, e)",
        "SELECT lower(email) AS e, e || 'x' AS f FROM source",
        "SELECT unknown AS u FROM source",
        "SELECT id FROM elsewhere",
        "SELECT COLUMNS('e.*') FROM source",
        "VALUES (1)",
    ],
)
def test_what_is_not_understood_is_not_guessed(engine: Engine, sql: str) -> None:
    assert columns_of(engine, sql, TABLES) is None
