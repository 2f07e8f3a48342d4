"""Protobuf's bytes by hand: what a client of OpenTelemetry sends, without its libraries."""

import struct

TRACE, SPAN = bytes(range(16)), bytes(range(8))


def varint(value):
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def held(number, content):
    """Encode bytes, a text or a message as a field."""
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number, value):
    return varint(number << 3) + varint(value % (1 << 64))


def fixed(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def pair(key, value):
    return held(9, held(1, key) + held(2, value))


def request(span):
    return held(1, held(1, b"") + held(2, held(1, b"") + held(2, span)))
