"""What records look like to others."""

from bucle.base.codec import encode
from bucle.lifecycle.data.records import Expectation


def test_an_expectation_says_nothing_of_what_an_earlier_release_does_not_know() -> None:
    assert encode(Expectation(column="x", max=100)) == b'{"column":"x","max":100}'
