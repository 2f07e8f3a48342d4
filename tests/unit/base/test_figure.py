import math

import msgspec
import pytest

from bucle.base.codec import decode, encode, json_schema
from bucle.base.figure import Figure


class Measured(msgspec.Struct):
    figures: dict[str, Figure]


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.5, "1.5"), (math.nan, '"NaN"'), (math.inf, '"Infinity"'), (-math.inf, '"-Infinity"')],
)
def test_a_figure_survives_json(value, written):
    content = encode(Measured({"a": Figure(value)}))
    assert content.decode() == f'{{"figures":{{"a":{written}}}}}'
    assert repr(float(decode(content, Measured).figures["a"])) == repr(value)


def test_a_figure_has_a_schema():
    assert "NaN" in str(json_schema(Measured))
