"""What can be found, what is looked for, and what was found."""

import msgspec

from bucle.base.refs import Ref


class FoundColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column or a feature of something that can be found."""

    name: str
    meaning: str = ""  # "": nobody said what it means
    sensitivity: str = ""  # "": nobody said how sensitive it is


class Findable(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue says of a thing; rooms write it in the transaction of the thing."""

    ref: Ref  # without a version
    owner: str = ""  # "": nobody
    description: str = ""
    tags: tuple[str, ...] = ()
    columns: tuple[FoundColumn, ...] = ()


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A facet that must have a value: `owner:ana`, or `column:amount*` for a beginning."""

    facet: str
    value: str  # folded
    is_prefix: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it is looked for: every word must be there, in one of its forms."""

    words: tuple[tuple[str, ...], ...] = ()  # the forms of each word, folded
    filters: tuple[Filter, ...] = ()
    plain: str = ""  # the words as they were typed, folded: a name that is this comes first


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found."""

    ref: Ref
    project: str
    owner: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # those that say something of what was looked for
    snippet: str = ""  # a stretch of the text in which it was found; "": it says nothing
    marks: tuple[tuple[int, int], ...] = ()  # where in the snippet the words are
