from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.filling import fill, fill_text, plain_of_text, text_of_plain


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    unit: str
    limit: float | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    count: int = 0
    ok: bool = False
    mode: Literal["append", "replace"] = "replace"
    ref: Ref | None = None
    amount: float | str = 0.0
    inner: Inner | None = None
    several: tuple[str, ...] = ()
    records: tuple[Inner, ...] = ()
    params: dict[str, Any] = {}
    files: tuple[Upload, ...] = ()
    at: datetime | None = None
    keys: tuple[tuple[str | int, ...], ...] = ()


SECONDS = Inner(unit="s")


@pytest.mark.parametrize(
    ("texts", "field", "value"),
    [
        ({"count": ["5"]}, "count", 5),
        ({"ok": ["true"]}, "ok", True),
        ({"name": ["5"]}, "name", "5"),
        ({"ref": ["model:a/b@3"]}, "ref", Ref("model", "a/b", 3)),
        ({"amount": ["2.5"]}, "amount", 2.5),
        ({"amount": ["price"]}, "amount", "price"),
        ({"inner.unit": ["m"], "inner.limit": ["3"]}, "inner", Inner(unit="m", limit=3)),
        ({"inner": ['{"unit": "m"}']}, "inner", Inner(unit="m")),
        ({"several": ["a", "b"]}, "several", ("a", "b")),
        ({"several": ['["a", "b"]']}, "several", ("a", "b")),
        ({"records": ['{"unit": "m"}', '{"unit": "s"}']}, "records", (Inner(unit="m"), SECONDS)),
        ({"params": ["n=3", "kind=tree", 's="3"']}, "params", {"n": 3, "kind": "tree", "s": "3"}),
        ({"params": ['{"depth": 3}']}, "params", {"depth": 3}),
        ({"at": ["2026-03-03T14:32"]}, "at", datetime(2026, 3, 3, 14, 32, tzinfo=UTC)),
        ({"at": ["2026-03-03"]}, "at", datetime(2026, 3, 3, tzinfo=UTC)),
        ({"at": ["2026-03-03T14:32:05+02:00"]}, "at", datetime(2026, 3, 3, 12, 32, 5, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_texts_become_the_fields_they_name(texts, field, value) -> None:
    assert getattr(fill_text(Request, texts), field) == value


@pytest.mark.parametrize(
    ("plain", "message", "hint"),
    [
        ({"nmae": "x"}, "there is no field $.nmae", "name, count"),
        ({"inner": {"unit": "m", "limti": 3}}, "$.inner.limti", "unit, limit"),
        ({"records": [{"unit": "m"}, {"unti": "m"}]}, "$.records[1].unti", "unit, limit"),
        ({"inner": {"unit": 3}}, "$.inner.unit", "wanted: text"),
        ({"inner": {}}, "missing required field `unit`", "an object with unit, limit"),
        ({"at": "yesterday"}, "$.at", "a time such as"),
        ({"mode": "apend"}, "$.mode", "one of: append, replace"),
        ({"count": "5"}, "$.count", "a whole number"),
        ({"count": 2**63}, "$.count", "smaller"),
        ({"name": "a\x00b"}, "$.name holds a NUL", "leave it out"),
        ({"params": {"a\x00": 1}}, "NUL", ""),
        ({"params": {"deep": [{"x": "\x00"}]}}, "$.params.deep[0].x", ""),
    ],
)
def test_a_wrong_value_is_told_with_its_path_and_what_is_allowed(plain, message, hint) -> None:
    with pytest.raises(Invalid) as refused:
        fill(Request, plain)
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"nmae": ["x"]}, "there is no field $.nmae"),
        ({"inner.unti": ["x"]}, "there is no field $.inner.unti"),
        ({"count": ["1", "2"]}, "$.count was given 2 times"),
        ({"inner": ["{"]}, "$.inner is not JSON"),
        ({"params": ["depth"]}, "$.params got 'depth'"),
        ({"inner": ["[1]"], "inner.unit": ["m"]}, "both given"),
    ],
)
def test_texts_that_fit_nowhere_are_refused(texts, message) -> None:
    with pytest.raises(Invalid) as refused:
        plain_of_text(Request, texts)
    assert message in refused.value.message


_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {
            "name": _TEXT,
            "count": st.integers(-(2**63), 2**63 - 1),
            "ok": st.booleans(),
            "amount": st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
            "several": st.lists(_TEXT),
            "records": st.lists(
                st.fixed_dictionaries({"unit": _TEXT, "limit": st.none() | st.floats(0, 9)})
            ),
            "params": st.dictionaries(_TEXT, _JSON, max_size=3),
        }
    )
)  # fmt: skip
def test_what_is_written_as_text_is_read_again_the_same(plain) -> None:
    texts = text_of_plain(Request, plain)
    assert fill_text(Request, texts) == fill(Request, plain)


@pytest.mark.parametrize("keys", [[], [[1]], [["a", 2]], [[1], [2]], [["[", "x"], ["b", 3]]])
def test_lists_in_a_list_are_read_again_the_same(keys: list[list[str | int]]) -> None:
    plain = {"keys": keys}
    assert fill_text(Request, text_of_plain(Request, plain)) == fill(Request, plain)
