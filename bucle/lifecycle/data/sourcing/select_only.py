"""Tell whether a query is one SELECT, by its words: strings, names and comments are passed over.

The database refuses the rest where it has read-only transactions; where it has none, this is what
keeps a declared query from writing.
"""

import re

from bucle.base.errors import Invalid

_PARTS = re.compile(
    r"""'(?:[^']|'')*'            # a text
      | "(?:[^"]|"")*" | `[^`]*`   # a name
      | \$(\w*)\$.*?\$\1\$         # a text of PostgreSQL
      | --[^\n]* | /\*.*?\*/       # a comment
      | \w+ | [^\s\w]""",
    re.DOTALL | re.VERBOSE,
)
# What writes, or locks, within a statement that begins with SELECT or WITH.
_WRITES = frozenset({"insert", "update", "delete", "merge", "into"})


def require_select(query: str) -> None:
    """Go on only with one SELECT.

    Raises:
        Invalid: it is something else, several statements, or can not be told.
    """
    if "\\'" in query:
        raise _wrong("a text with a backslash before its mark, which databases read in two ways")
    parts = [found.group(0) for found in _PARTS.finditer(query)]
    words = [part for part in parts if not part.startswith(("--", "/*"))]
    while words and words[-1] == ";":
        words.pop()
    if any(word in {"'", '"', "`"} for word in words):
        raise _wrong("a text or a name that does not end")
    if not words or words[0].lower() not in {"select", "with"}:
        raise _wrong(f"{words[0]!r} at its beginning" if words else "nothing")
    if ";" in words:
        raise _wrong("several statements")
    depth = 0
    for before, word in zip(["", *words], words, strict=False):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0:
            raise _wrong("a parenthesis that was never opened")
        if word.lower() in _WRITES and before != ".":
            raise _wrong(f"{word!r}")


def _wrong(said: str) -> Invalid:
    return Invalid(
        f"the query of a source is one SELECT, and this has {said}",
        hint="write one SELECT, or name a table (a view does as well)",
    )
