import sys

import pytest

from bucle.base.errors import Invalid, NotInstalled, Unavailable
from bucle.drivers.online import open_online
from tests.support.processes import free_port


def test_a_redis_that_does_not_answer_is_unavailable_and_its_password_is_not_told() -> None:
    store = open_online(f"redis://ada:secret@127.0.0.1:{free_port()}/0?socket_timeout=1")
    with pytest.raises(Unavailable, match="cannot read") as caught:
        store.read("t", [b"a"])
    assert "secret" not in str(caught.value) + store.url
    with pytest.raises(Unavailable, match="cannot write"):
        store.write("t", {b"a": b"1"})


def test_a_url_that_redis_does_not_take_is_invalid() -> None:
    with pytest.raises(Invalid, match="redis://"):
        open_online("redis://127.0.0.1:port/0")


def test_without_the_package_the_hint_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "bucle.drivers.online.redis", raising=False)
    with pytest.raises(NotInstalled) as caught:
        open_online("redis://127.0.0.1:6379/0")
    assert caught.value.hint == "pip install 'bucle[redis]'"
