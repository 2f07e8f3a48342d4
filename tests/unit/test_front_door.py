import pytest

import bucle


@pytest.mark.parametrize("name", bucle.__all__)
def test_every_name_of_the_front_door_leads_somewhere(name) -> None:
    assert getattr(bucle, name) is not None


def test_a_name_that_is_not_there_is_told_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="log_metric"):
        _ = bucle.log_metirc


def test_the_front_door_lists_what_it_has() -> None:
    assert dir(bucle) == sorted(bucle.__all__)
