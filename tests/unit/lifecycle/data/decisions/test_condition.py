"""How a condition of a decision is written."""

import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data import condition_of

CONDITIONS = [
    ("2026-12-15 ana: label the rest", ("2026-12-15", "ana", "label the rest")),
    ("2026-12-15 the data team: mask: names", ("2026-12-15", "the data team", "mask: names")),
    ("ana: label", None), ("2026-13-15 ana: label", None), ("2026-12-15 ana:", None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), CONDITIONS)
def test_a_condition_is_read_as_it_is_written(text: str, parts: tuple[str, ...] | None) -> None:
    if parts is None:
        with pytest.raises(Invalid) as caught:
            condition_of(text)
        assert "--condition" in caught.value.hint
    else:
        found = condition_of(text)
        assert (found.due.isoformat(), found.receiver, found.text) == parts
