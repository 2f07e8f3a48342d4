"""Cut texts into words, and a typed text into what is looked for.  Pure.

Both databases get the words that are cut here, so that they find the same: accents and capitals
are folded, `customer_id` and `customerId` are two words and one, and a word is looked for in the
singular and the plural of English and Spanish, as a beginning.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from bucle.governance.search.records import Filter, Query

KINDS = ("dataset", "feature_view", "model", "deployment")
_FACETS = {
    "kind": "kind", "tipo": "kind", "clase": "kind",
    "owner": "owner", "responsable": "owner",
    "tag": "tag", "etiqueta": "tag",
    "sensitivity": "sensitivity", "sensibilidad": "sensitivity",
    "column": "column", "columna": "column",
}  # fmt: skip
_VALUES = {
    "datasets": "dataset", "datos": "dataset", "conjunto": "dataset",
    "view": "feature_view", "views": "feature_view", "feature": "feature_view",
    "features": "feature_view", "vista": "feature_view", "vistas": "feature_view",
    "models": "model", "modelo": "model", "modelos": "model",
    "deployments": "deployment", "despliegue": "deployment",
    "ninguna": "none", "sensible": "sensitive", "secreta": "secret", "secreto": "secret",
}  # fmt: skip
_TRANSLATED = frozenset({"kind", "sensitivity"})
# What says nothing beside another word.
_STOP_WORDS = (
    "a an and by for from in is of on or the to with what which "
    "al con cual de del el en es la las lo los o para por que se un una y"
)
_STOP = frozenset(_STOP_WORDS.split())
_ITEM = re.compile(r'(\w+):("[^"]*"|\S+)|"[^"]*"|\S+')
_RUN = re.compile(r"[^\W_]+(?:[_\-.][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_LONGEST = 64
_MOST_WORDS = 10_000  # of a text
_MOST_TYPED = 20  # words of a query
_AROUND = 70  # letters of a snippet, on each side
_STEM = 4  # letters that a word keeps at least


def fold(text: str) -> str:
    """Return a text without accents and capitals."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in apart if not unicodedata.combining(one)).casefold()


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text, those that were joined both apart and in one."""
    for run in _RUN.findall(text):
        parts = parts_of(run)
        yield from parts
        if len(parts) > 1:
            yield "".join(parts)[:_LONGEST]


def parts_of(run: str) -> list[str]:
    """Return the words that were joined into one, folded."""
    if run.isascii() and run.islower() and run.isalnum():
        return [run[:_LONGEST]]
    humps = (
        f" {letter}" if letter.isupper() and before.islower() else letter
        for before, letter in zip(f" {run}", run, strict=False)
    )
    return [word[:_LONGEST] for word in _PART.findall(fold("".join(humps)))]


def cut(text: str) -> list[str]:
    """Return the words of a text, as many as a database takes."""
    return [word for _, word in zip(range(_MOST_WORDS), words_of(text), strict=False)]


def parse(text: str) -> Query:
    """Read what somebody typed; any text can be read, and what is no filter is words."""
    filters: list[Filter] = []
    typed: list[str] = []
    for found in _ITEM.finditer(text.replace("\0", " ")):
        facet = _FACETS.get(fold(found.group(1) or ""))
        if facet:
            filters.append(_filter(facet, found.group(2).strip('"')))
        else:
            typed += [word for run in _RUN.findall(found.group()) for word in parts_of(run)]
    telling = [word for word in typed if word not in _STOP] or typed
    return Query(
        words=tuple(forms(word) for word in dict.fromkeys(telling[:_MOST_TYPED])),
        filters=tuple(filters),
        plain=" ".join(typed),
    )


def plain(text: str) -> str:
    """Return a name as a query says it whole."""
    return " ".join(word for run in _RUN.findall(text) for word in parts_of(run))


def _filter(facet: str, value: str) -> Filter:
    is_prefix = value.endswith("*")
    said = fold(value.rstrip("*")).strip()
    if facet in _TRANSLATED:
        said = _VALUES.get(said, said)
    return Filter(facet=facet, value=said, is_prefix=is_prefix)


def forms(word: str) -> tuple[str, ...]:
    """Return the beginnings by which a word is found in the singular and the plural."""
    rules = (
        ("ies", (word[:-3] + "y", word[:-1])),
        ("ces", (word[:-3] + "z", word[:-1])),
        ("es", (word[:-2] if len(word) > _STEM + 1 else word[:-1],)),
        ("ss", (word,)),
        ("s", (word[:-1],)),
        ("z", (word, word[:-1] + "ces")),
        ("y", (word, word[:-1] + "ies")),
    )
    for end, found in rules:
        if len(word) >= _STEM - (end in {"z", "y"}) and word.endswith(end):
            return found
    return (word,)


def matches(word: str, wanted: Sequence[Sequence[str]]) -> bool:
    """Tell whether a word of a text is one that is looked for."""
    return bool(marks_of(word, wanted))


def marks_of(text: str, wanted: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return where in a text the words are that are looked for."""
    if not wanted:
        return []
    forms = [form for alternatives in wanted for form in alternatives]
    letters = {form for form in forms if len(form) == 1}  # a letter is a word by itself
    beginnings = tuple(form for form in forms if len(form) > 1)
    return [
        found.span()
        for found in _RUN.finditer(text)
        if any(word.startswith(beginnings) or word in letters for word in words_of(found.group()))
    ]


def excerpt(
    texts: Sequence[str], wanted: Sequence[Sequence[str]]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a stretch of the first text that has a word, and where in it the words are."""
    for text in texts:
        if marks := marks_of(text, wanted):
            start = _edge(text, marks[0][0] - _AROUND)
            end = min(len(text), marks[0][1] + _AROUND)
            before, after = "…" if start else "", "…" if end < len(text) else ""
            shift = len(before) - start
            inside = [(low + shift, high + shift) for low, high in marks if high <= end]
            return before + text[start:end] + after, tuple(inside)
    first = next((text for text in texts if text), "")
    length = 2 * _AROUND
    return (first[:length] + "…" if len(first) > length else first), ()


def _edge(text: str, start: int) -> int:
    """Move a beginning to that of a word."""
    if start <= 0:
        return 0
    space = text.find(" ", start)
    return space + 1 if 0 <= space < start + _AROUND else start
