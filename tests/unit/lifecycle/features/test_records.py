"""What records look like to others."""

from bucle.base.codec import encode
from bucle.lifecycle.features.records import Entity, FeatureView


def test_a_view_says_nothing_of_what_an_earlier_release_does_not_know() -> None:
    view = FeatureView(
        name="last", entity=Entity(name="card", keys=("card",)), source="payments", time="at"
    )
    assert not {b"created", b"stream", b"retention"} & set(encode(view).split(b'"'))
