"""`Ref`: the name of one version of one thing, as URLs, the CLI and the audit say it.

`model:churn@12`, `dataset:trips@main`, `run:01J8...`.  The kind ends at the first colon and
the version starts after the last `@`, so names may hold colons, slashes and spaces.
"""

import re
from functools import total_ordering

from bucle.base.errors import Invalid

_KIND = re.compile(r"[a-z][a-z_]*")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f@]")
_NAME_LIMIT = 250


@total_ordering
class Ref:
    """Name one thing, or one version of it.  In JSON and in the database it is its text."""

    __slots__ = ("kind", "name", "version")

    kind: str
    name: str
    version: str | None  # None: the thing itself, not one of its versions

    def __init__(self, kind: str, name: str, version: str | int | None = None) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "version", None if version is None else str(version))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Ref is frozen; {name} stays as it is")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" + (f"@{self.version}" if self.version else "")

    def __repr__(self) -> str:
        return f"Ref({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and str(self) == str(other)

    def __lt__(self, other: "Ref") -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[type["Ref"], tuple[str, str, str | None]]:
        return Ref, (self.kind, self.name, self.version)

    @classmethod
    def parse(cls, text: str, *, kind: str | None = None) -> "Ref":
        """Read a ref from text; with `kind`, the kind may be left out.

        Raises:
            Invalid: the text is no ref, or is of another kind than the one asked for.
        """
        head, colon, tail = text.partition(":")
        if not (colon and _KIND.fullmatch(head)) or (kind and head != kind):
            if kind is None or (colon and _KIND.fullmatch(head) and head in KINDS):
                wanted = f"{kind}:<name>" if kind else "<kind>:<name>[@<version>]"
                raise Invalid(f"{text!r} is not a reference", hint=f"write {wanted}")
            head, tail = kind, text
        name, at, version = tail.rpartition("@")
        if not at:
            name, version = tail, ""
        if at and not version:
            raise Invalid(f"{text!r} has an empty version", hint=f"write {head}:{name}@<version>")
        return cls(head, check_name(name), version or None)

    def at(self, version: str | int) -> "Ref":
        """Name one version of the same thing."""
        return Ref(self.kind, self.name, version)

    @property
    def bare(self) -> "Ref":
        """Name the thing itself, without a version."""
        return Ref(self.kind, self.name)


# Every kind of thing that has a name in the house.
KINDS = frozenset(
    {
        "alert",
        "blob",
        "charter",
        "code",
        "contract",
        "dataset",
        "deployment",
        "environment",
        "event",
        "experiment",
        "feature_view",
        "job",
        "label",
        "logged_model",
        "materialization",
        "model",
        "monitor",
        "pipeline",
        "prediction",
        "principal",
        "project",
        "run",
        "source",
        "step",
        "study",
        "task",
        "token",
        "topic",
        "trace",
        "trigger",
    }
)


def check_name(name: str) -> str:
    """Return the name if a thing may bear it.

    Raises:
        Invalid: empty, longer than 250 characters, with a control character or an `@`.
    """
    if not name.strip():
        raise Invalid("a name is empty", hint="give it at least one letter")
    if len(name) > _NAME_LIMIT:
        raise Invalid(f"{name[:40]!r}... has {len(name)} characters; {_NAME_LIMIT} are allowed")
    if bad := _FORBIDDEN.search(name):
        raise Invalid(
            f"{name!r} holds {bad.group()!r}, which a name may not",
            hint="leave out control characters and @",
        )
    return name
