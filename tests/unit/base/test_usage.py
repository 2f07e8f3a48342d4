import subprocess
import sys

import pytest

from bucle.base.usage import measure

BURN = "sum(number * number for number in range(300_000))"


def test_work_is_counted() -> None:
    with measure() as meter:
        total = sum(number * number for number in range(300_000))
    assert total > 0
    assert meter.usage().cpu_s > 0
    assert meter.usage().wall_s > 0
    assert meter.usage().peak_memory_bytes > 1_000_000


def test_a_childs_work_is_counted_when_it_has_ended() -> None:
    with measure() as meter:
        subprocess.run([sys.executable, "-c", BURN], check=True)
        inside = meter.usage()
    assert inside.cpu_s > 0.005


def test_after_the_block_the_figures_stand() -> None:
    with measure() as meter:
        pass
    first = meter.usage()
    sum(number * number for number in range(300_000))
    assert meter.usage() == first


def test_an_error_in_the_block_still_leaves_figures() -> None:
    with pytest.raises(ZeroDivisionError), measure() as meter:
        1 / 0  # noqa: B018 - the error
    first = meter.usage()
    assert first.wall_s > 0
    assert meter.usage() == first
