import numpy as np
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.serving.rule import parse_rule

COLUMNS = {
    "amount": np.array([100.0, 950.0, np.nan]),
    "city": np.array(["here", None, "there"], dtype=object),
    "n": np.array([1, 2, 3]),
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("amount > 900", [False, True, False]),
        ("not amount > 900 and n >= 2", [False, False, True]),
        ("city in ('here', 'x')", [True, False, False]),
        ("city == 'here' or amount * 2 > 1000", [True, True, False]),
        ("10 if n == 1 else n / 2", [10.0, 1.0, 1.5]),
        ("max(n, 2) - abs(-1)", [1, 1, 2]),
        ("column('amount') < 500", [True, False, False]),
        ("1 < n <= 3", [False, True, True]),
        ("city < 'i'", [True, False, False]),
        ("True", [True, True, True]),
        ("n % 2 // 1", [1, 0, 1]),
    ],
)
def test_a_rule_says_of_each_row(text: str, values: list[object]) -> None:
    assert parse_rule(text)(COLUMNS, 3).tolist() == values


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "amount.real", "amount[0]", "2 ** 9", "lambda: 1", "amount >",
     "[x for x in n]", "f'{n}'", "min(n)", "abs(n, 2)", "column(n)", "n in n", "()", "n is None",
     "x" * 2000, "(" * 300, "1 +" * 150 + "1", "n == None", "b'x' == city"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_rule(text)


@pytest.mark.parametrize("text", ["city > 900", "city + 1", "missing > 1"])
def test_a_rule_that_does_not_fit_the_columns_is_a_mistake_and_no_crash(text: str) -> None:
    with pytest.raises(Invalid):
        parse_rule(text)(COLUMNS, 3)


def test_a_rule_knows_its_columns() -> None:
    assert parse_rule("amount > n and column('in name') == 1").columns == ("amount", "in name", "n")
