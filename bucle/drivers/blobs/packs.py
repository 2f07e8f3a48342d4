"""Many small contents in one blob: a pack, which says at its end what lies where in it.

A member is a content under its own digest, or the list of the parts of one: a large file is cut
into chunks (`chunks.py`), each a member of some pack, and its list names them in order.

    members, one after another | 49 bytes of each member | how many members (8) | `BUCLEPK1`
"""

import struct

import msgspec

from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused

FULL_BYTES = 32 << 20  # a pack is closed when it has this much, or this many:
FULL_MEMBERS = 8_192
_MAGIC = b"BUCLEPK1"
_ENTRY = struct.Struct("<32sQQB")  # digest, start, length, whether it is a list
_TAIL = struct.Struct("<Q8s")
_DIGEST_BYTES = 32


class Member(msgspec.Struct, frozen=True):
    """One content in a pack."""

    digest: str
    start: int
    length: int
    is_list: bool  # whether the bytes are the digests of its parts, and not itself


class Packer:
    """A pack that is being filled, in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._entries: list[bytes] = []
        self._digests: set[str] = set()
        self.size_bytes = 0

    def __contains__(self, digest: str) -> bool:
        return digest in self._digests

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether it should be stored before more is added."""
        return self.size_bytes >= FULL_BYTES or len(self) >= FULL_MEMBERS

    def add(self, digest: str, content: bytes, *, is_list: bool = False) -> None:
        """Add a content, or the list of its parts, unless it is there."""
        if digest in self._digests:
            return
        self._digests.add(digest)
        self._entries.append(
            _ENTRY.pack(bytes.fromhex(digest), self.size_bytes, len(content), is_list)
        )
        self._parts.append(content)
        self.size_bytes += len(content)

    def packed(self) -> bytes:
        """Return the pack."""
        return b"".join((*self._parts, *self._entries, _TAIL.pack(len(self), _MAGIC)))


def list_of(digests: list[str]) -> bytes:
    """Return a list of parts as it lies in a pack."""
    return bytes.fromhex("".join(digests))


def parts_of(content: bytes) -> list[str]:
    """Return the digests that such a list names."""
    text = content.hex()
    return [text[start : start + 64] for start in range(0, len(text), 64)]


def members_of(pack: bytes) -> tuple[Member, ...]:
    """Return what is in a pack; each content is digested, so that none is called another's name.

    What a list is the list of can not be told without its parts, and is checked when it is read.

    Raises:
        Refused: it is no pack, or holds something else than it says.
    """
    count, magic = _TAIL.unpack(pack[-_TAIL.size :]) if len(pack) >= _TAIL.size else (0, b"")
    end = len(pack) - _TAIL.size - count * _ENTRY.size
    if magic != _MAGIC or end < 0:
        raise Refused("this content is no pack", hint="bucle data commit makes packs")
    view = memoryview(pack)
    place, members = 0, []
    for found in _ENTRY.iter_unpack(view[end : end + count * _ENTRY.size]):
        member = Member(found[0].hex(), found[1], found[2], bool(found[3]))
        if member.start != place or place + member.length > end:
            raise Refused(f"the pack's member {member.digest} does not lie where it says")
        place += member.length
        if member.is_list:
            wrong = not member.length or member.length % _DIGEST_BYTES
        else:
            wrong = digest_bytes(view[member.start : place]) != member.digest
        if wrong:
            raise Refused(f"the pack's member {member.digest} is something else", hint="again")
        members.append(member)
    return tuple(members)
