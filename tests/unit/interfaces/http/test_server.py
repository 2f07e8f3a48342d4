"""How an answer leaves the process."""

import asyncio

from bucle.interfaces.http.server import _Gathered


class _Wire:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def _sent(*parts: bytes, closing: bool = False) -> list[bytes]:
    wire = _Wire()

    async def write() -> None:
        transport = _Gathered(wire)
        for part in parts:
            transport.write(part)
        if closing:
            transport.close()
        assert transport.is_closing() is closing
        await asyncio.sleep(0)

    asyncio.run(write())
    return wire.sent


def test_a_head_and_its_body_leave_together() -> None:
    assert _sent(b"head ", b"body") == [b"head body"]


def test_what_was_written_leaves_before_the_connection_closes() -> None:
    assert _sent(b"head ", b"body", closing=True) == [b"head body"]


def test_a_large_part_waits_for_nothing_and_keeps_its_place() -> None:
    large = b"x" * 100_000
    assert _sent(b"head", large, b"tail") == [b"head" + large, b"tail"]
