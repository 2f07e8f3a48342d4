"""Search strings, parsed: `metrics.auc > 0.9 and tags.team = 'risk'` becomes typed conditions.

Pure and without SQL: what becomes of a condition is decided by whoever holds the table
(`drivers/db/filters.py`).  A `Language` says which fields a search has and what may be asked of
each; everything that is not in it, and everything malformed, is `Invalid`.

The grammar is MLflow's (`mlflow/utils/search_utils.py` of its client), a list of comparisons
joined by AND:

    filter     = [ comparison { AND comparison } ]
    comparison = field operator value | field IS [NOT] NULL
    field      = [ group "." ] key              key may stand in double quotes or backticks
    value      = 'text' | "text" | number | ( 'text' , ... )

A text is what stands between its outer quotes, letter by letter: there are no escapes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from bucle.base.errors import Invalid

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=",
    "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL",
]  # fmt: skip
Value = str | int | float | tuple[str | int, ...] | None

NUMERIC: frozenset[Operator] = frozenset({"=", "!=", "<", "<=", ">", ">="})
EQUAL: frozenset[Operator] = frozenset({"=", "!="})
LIKE: frozenset[Operator] = frozenset({"=", "!=", "LIKE", "ILIKE"})
LISTED: frozenset[Operator] = frozenset({"IN", "NOT IN"})
PRESENT: frozenset[Operator] = frozenset({"IS NULL", "IS NOT NULL"})

_MOST_LETTERS = 500_000
_MOST_CONDITIONS = 100
_MOST_LISTED = 10_000
_WHOLE_LIMIT = 2**63


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a field is, and which operators it takes."""

    type: Literal["text", "number", "any"]  # any: either, by what is written
    operators: frozenset[Operator]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields with a common first word, such as `metrics`."""

    name: str  # as conditions bear it
    spellings: frozenset[str]  # as people write it
    keys: Kind | Mapping[str, Kind]  # one kind for every key, or the only keys there are
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Language:
    """The fields of one search."""

    groups: tuple[Group, ...]
    bare: str = "attribute"  # the group of a key that names none


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One comparison; `value` is None where the operator asks for presence only."""

    group: str
    key: str
    operator: Operator
    value: Value


@dataclass(frozen=True, kw_only=True)
class OrderTerm:
    """One thing that a search is ordered by."""

    group: str
    key: str
    descending: bool = False


def parse_filter(text: str, language: Language) -> tuple[Condition, ...]:
    """Parse a filter; an empty one has no conditions.

    Raises:
        Invalid: it is malformed, names a field that there is not, or asks of a field what it
            does not take.
    """
    scan = _Scan(text)
    found: list[Condition] = []
    while not scan.at_end():
        if found:
            scan.expect_and()
        if len(found) == _MOST_CONDITIONS:
            raise Invalid(f"the filter has more than {_MOST_CONDITIONS} comparisons")
        found.append(_comparison(scan, language))
    return tuple(found)


def parse_order(text: str, language: Language) -> OrderTerm:
    """Parse one term of an order: a field, and perhaps ASC or DESC.

    Raises:
        Invalid: it is malformed, or nothing that a search is ordered by.
    """
    scan = _Scan(text)
    group, key = _field_of(scan, language)
    turn = scan.take(_TURN)
    if not scan.at_end():
        raise scan.refusal("ASC, DESC or the end")
    return OrderTerm(group=group.name, key=key, descending=(turn or "").upper() == "DESC")


# What is adjacent to a word or a value: white space, the end, or a sign that can follow it.
_TURN = re.compile(r"(?:ASC|DESC)(?=\s|$)", re.IGNORECASE)
_AND = re.compile(r"AND(?=\s)", re.IGNORECASE)
_HEAD = re.compile(r"""`[^`]+`|"[^"]+"|[^\s.'"`=<>!(),;]+""")
_TAIL = re.compile(r"""\.(`[^`]+`|"[^"]+"|'[^']+'|[^\s'"`=<>!(),;]+)""")
_OPERATOR = re.compile(
    r"""(<=|>=|!=|=|<|>)(?![<>=!])|
        (LIKE|ILIKE|RLIKE|NOT\s+IN|IN)(?=[\s'"(])|
        (IS\s+NOT\s+NULL|IS\s+NULL)(?=\s|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_TEXT = re.compile(r"""'(?:''|\\'|[^'])*'|"(?:""|\\"|[^"])*\"""")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPEN = re.compile(r"\(")
_COMMA = re.compile(r",")
_CLOSE = re.compile(r"\)")
_END_OF_VALUE = re.compile(r"(?=\s|$)")


class _Scan:
    """A text and how far it is read."""

    def __init__(self, text: str) -> None:
        if len(text) > _MOST_LETTERS:
            raise Invalid(f"the filter is longer than {_MOST_LETTERS:,} characters")
        if "\0" in text or not _is_unicode(text):
            raise Invalid("the filter holds a character that no text can hold")
        self.text = text
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Take what a pattern matches after white space, or nothing."""
        self.skip()
        return self.take_here(pattern)

    def take_here(self, pattern: re.Pattern[str]) -> str | None:
        """Take what a pattern matches at this very place, or nothing."""
        found = pattern.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        return found.group()

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def at_end(self) -> bool:
        self.skip()
        return self.at == len(self.text)

    def expect_and(self) -> None:
        if self.take(_AND) is None:
            raise self.refusal("AND")

    def refusal(self, expected: str) -> Invalid:
        rest = self.text[self.at : self.at + 40]
        return Invalid(
            f"the search {self.text[:200]!r} can not be read: expected {expected} "
            + (f"at {rest!r}" if rest else "at its end"),
            hint="write comparisons joined by AND, such as metrics.auc > 0.9 AND tags.team = 'a'",
        )


def _comparison(scan: _Scan, language: Language) -> Condition:
    group, key = _field_of(scan, language)
    kind = group.keys if isinstance(group.keys, Kind) else group.keys[key]
    written = scan.take(_OPERATOR)
    if written is None:
        raise scan.refusal("an operator")
    operator: Operator = " ".join(written.upper().split())  # type: ignore[assignment]
    if operator not in kind.operators:
        raise Invalid(
            f"{group.name} {key!r} can not be compared by {operator}",
            hint=f"it takes {', '.join(sorted(kind.operators))}",
        )
    return Condition(
        group=group.name, key=key, operator=operator, value=_value(scan, kind, operator, key)
    )


def _field_of(scan: _Scan, language: Language) -> tuple[Group, str]:
    head = scan.take(_HEAD)
    if head is None:
        raise scan.refusal("the name of a field")
    tail = scan.take_here(_TAIL)
    group_name = _bare(head) if tail else None
    key = _bare(tail[1:]) if tail else _bare(head)
    group = _group_of(language, group_name)
    key = group.aliases.get(key, key)
    if not isinstance(group.keys, Kind) and key not in group.keys:
        raise Invalid(
            f"there is no {group.name} {key!r} here", hint=f"there are: {', '.join(group.keys)}"
        )
    return group, key


def _group_of(language: Language, name: str | None) -> Group:
    for group in language.groups:
        if name in group.spellings or (name is None and group.name == language.bare):
            return group
    known = sorted(spelling for group in language.groups for spelling in group.spellings)
    raise Invalid(
        f"a search has no {name!r} here" if name else "name a group before the field",
        hint=f"it has: {', '.join(known)}",
    )


def _value(scan: _Scan, kind: Kind, operator: Operator, key: str) -> Value:
    if operator in PRESENT:
        return None
    if operator in LISTED:
        return _listed(scan)
    text = scan.take(_TEXT)
    if text is not None and kind.type != "number":
        _expect_end(scan)
        return _pattern(text[1:-1], key) if operator == "RLIKE" else text[1:-1]
    number = scan.take(_NUMBER) if text is None and kind.type != "text" else None
    if number is None:
        raise scan.refusal(f"a {'number' if kind.type == 'number' else 'quoted text'} for {key!r}")
    _expect_end(scan)
    return _number(number)


def _listed(scan: _Scan) -> tuple[str, ...]:
    found: list[str] = []
    if scan.take(_OPEN) is None:
        raise scan.refusal("a list of quoted texts in parentheses")
    while scan.take(_CLOSE) is None:
        if found and scan.take(_COMMA) is None:
            raise scan.refusal("a comma or the end of the list")
        if found and scan.take(_CLOSE) is not None:  # a comma may end a list, as in Python
            break
        text = scan.take(_TEXT)
        if text is None:
            raise scan.refusal("a quoted text in the list")
        if len(found) == _MOST_LISTED:
            raise Invalid(f"a list of the filter has more than {_MOST_LISTED:,} texts")
        found.append(text[1:-1])
    if not found:
        raise scan.refusal("a list that is not empty")
    _expect_end(scan)
    return tuple(found)


def _expect_end(scan: _Scan) -> None:
    if scan.take_here(_END_OF_VALUE) is None:
        raise scan.refusal("a space or the end after a value")


def _pattern(text: str, key: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise Invalid(f"the pattern for {key!r} is not a regular expression: {error}") from error
    return text


def _number(text: str) -> int | float:
    """Return a number that both databases can hold; what is too large becomes infinite."""
    value = float(text)
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        return value
    whole = int(text)
    return whole if -_WHOLE_LIMIT <= whole < _WHOLE_LIMIT else value


def _bare(part: str) -> str:
    return part[1:-1] if part[0] in "`\"'" else part


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
