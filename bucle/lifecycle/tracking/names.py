"""What names and texts MLflow's clients may give to parameters, metrics and tags.

The rules are those of `mlflow/utils/validation.py` in its client: a name may be a path, and has to
be the path that it looks like.
"""

import posixpath
import re

from bucle.base.errors import Invalid

NAME_LETTERS = 250
PARAM_LETTERS = 6_000
TAG_LETTERS = 8_000

_NAME = re.compile(r"[/\w.\- :]+")


def checked_name(name: str) -> str:
    """Return the name of a parameter, a metric or a tag, if it can be one.

    Raises:
        Invalid: it is empty or too long, has a letter that it may not have, or is a path that leads
            elsewhere.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"Invalid value {name[:80]!r} for a name",
            hint="names have letters, digits, and _ - . : / and spaces",
        )
    if len(name) > NAME_LETTERS:
        raise Invalid(
            f"the name {name[:40]!r}... exceeds the maximum length of {NAME_LETTERS} characters"
        )
    if "/" in name or name.startswith("."):
        plain = posixpath.normpath(name)
        if plain != name or plain == "." or plain.startswith(("..", "/")):
            raise Invalid(
                f"Invalid value {name!r} for a name: as a path it would be {plain!r}",
                hint="leave out slashes at either end, double ones, and dots for folders",
            )
    return name


def checked_text(what: str, text: str, limit: int) -> str:
    """Return a text that is short enough.

    Raises:
        Invalid: it is not.
    """
    if len(text) > limit:
        raise Invalid(
            f"{what!r} exceeds the maximum length of {limit} characters: it has {len(text)}"
        )
    return text
