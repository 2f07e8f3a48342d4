from bucle.base.urls import without_password


def test_nothing_is_shown_that_opens_anything() -> None:
    url = "rediss://ada:secret@host:6380/0?password=secret"
    assert without_password(url) == "rediss://host:6380/0"


def test_an_address_without_a_password_stays_as_it_is() -> None:
    assert without_password("nats://127.0.0.1:4222") == "nats://127.0.0.1:4222"
