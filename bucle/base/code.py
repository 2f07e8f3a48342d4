"""A Python function as text, as definitions bear it."""

import msgspec


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python function as it was where it was defined: text that runs by itself."""

    function: str
    source: str  # the function and all of the project that it uses, without comments
