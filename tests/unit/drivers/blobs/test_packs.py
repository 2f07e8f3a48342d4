"""What a pack holds, and what it may not pretend."""

import pytest

from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused
from bucle.drivers.blobs.packs import Packer, list_of, members_of, parts_of

ONE, TWO = digest_bytes(b"one"), digest_bytes(b"two!")


def packed() -> bytes:
    packer = Packer()
    packer.add(ONE, b"one")
    packer.add(TWO, b"two!")
    packer.add(ONE, b"one")
    packer.add(digest_bytes(b"onetwo!"), list_of([ONE, TWO]), is_list=True)
    return packer.packed()


def test_a_pack_says_what_lies_where_in_it() -> None:
    pack = packed()
    members = members_of(pack)
    assert [(each.digest, each.is_list) for each in members] == [
        (ONE, False), (TWO, False), (digest_bytes(b"onetwo!"), True),
    ]  # fmt: skip
    contents = [pack[each.start : each.start + each.length] for each in members]
    assert contents[:2] == [b"one", b"two!"]
    assert parts_of(contents[2]) == [ONE, TWO]


def test_what_is_no_pack_is_refused() -> None:
    for content in (b"", b"x" * 100, packed()[1:], packed()[:-1]):
        with pytest.raises(Refused):
            members_of(content)


def test_a_member_that_is_something_else_than_its_digest_is_refused() -> None:
    with pytest.raises(Refused, match=ONE):
        members_of(packed().replace(b"onetwo!", b"onttwo!"))


def test_a_list_that_is_no_list_of_digests_is_refused() -> None:
    packer = Packer()
    packer.add(ONE, b"no digest", is_list=True)
    with pytest.raises(Refused, match=ONE):
        members_of(packer.packed())
