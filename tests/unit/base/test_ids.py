from datetime import UTC, datetime

import pytest

from bucle.base.errors import Invalid
from bucle.base.ids import IdsOfAMoment, milliseconds_of, new_id

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_id_tells_its_moment() -> None:
    assert milliseconds_of(new_id(NEW_YEAR)) == 1_767_225_600_000


def test_ids_of_a_moment_sort_in_the_order_they_were_taken() -> None:
    ids = IdsOfAMoment(NEW_YEAR)
    taken = [ids.take() for _ in range(100)]
    assert taken == sorted(set(taken))
    assert {milliseconds_of(one) for one in taken} == {1_767_225_600_000}


@pytest.mark.parametrize("text", ["", "01J", "U" * 26, "0" * 27])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        milliseconds_of(text)
