"""Types that requests share."""

from typing import Annotated

import msgspec

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000, description="how many at most")]


class Upload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content that was stored before the call; the client and the command line do that.

    Where a request has such a field, a caller gives a path (or bytes): the content is stored,
    and the operation gets its digest and the file's name.
    """

    digest: str  # BLAKE3, 64 hexadecimal digits
    name: str = ""  # "": the content came from no file
