"""What may be a topic, a value and a position, in every driver."""

from collections.abc import Sequence

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid
from bucle.drivers.streams.protocol import LONGEST_BYTES

_LONGEST_TOPIC_BYTES = 600
_LONGEST_PLAIN = 120
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
DIGITS = 20  # of a number in a position: enough for 64 bits


def check_topic(topic: str) -> str:
    """Return the topic, if every driver can hold it.

    Raises:
        Invalid: empty, longer than 600 bytes, or with a control character.
    """
    if not topic or not topic.isprintable() or len(topic.encode()) > _LONGEST_TOPIC_BYTES:
        raise Invalid(
            f"{topic[:100]!r} cannot be a topic",
            hint=f"printable, 1 to {_LONGEST_TOPIC_BYTES} bytes, for example 'payments'",
        )
    return topic


def check_values(values: Sequence[bytes]) -> None:
    """Refuse a value that some driver can not hold.

    Raises:
        Invalid: a value is longer than 512 KiB.
    """
    for place, value in enumerate(values):
        if len(value) > LONGEST_BYTES:
            raise Invalid(
                f"value {place} has {len(value)} bytes; a stream holds values of {LONGEST_BYTES}",
                hint="store it as a file and send its name",
            )


def plain_name(topic: str) -> str:
    """Return a topic as a name of lower-case letters, digits, `_`, `-` and `=`; no two alike."""
    plain = "".join(chr(byte) if chr(byte) in _PLAIN else f"={byte:02x}" for byte in topic.encode())
    if len(plain) <= _LONGEST_PLAIN:
        return plain
    return f"{plain[:_LONGEST_PLAIN]}=={digest_bytes(topic.encode())[:32]}"


def position_of_number(number: int) -> str:
    """Return a number as a position: as many digits for all, so that they sort."""
    return f"{number:0{DIGITS}d}"


def number_of_position(position: str) -> int:
    """Return the number in a position; "" is 0.

    Raises:
        Invalid: it is no position of this kind of store.
    """
    if not position:
        return 0
    if len(position) == DIGITS and position.isascii() and position.isdecimal():
        return int(position)
    raise wrong_position(position)


def wrong_position(position: str) -> Invalid:
    """Return what is said of a text that is no position of this store."""
    return Invalid(
        f"{position[:100]!r} is no position of this stream store",
        hint="positions come from a read of the same store: was BUCLE_STREAMS_URL another one?",
    )
