"""The reference pages that follow from the code: written at each build, so never stale.

Operations come from the operation table, settings from the record that is read, errors from
the table that maps them, permissions from the enum.  None of these is written by hand.
"""

import os
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from bucle.base.errors import STATUS
from bucle.base.settings import Settings
from bucle.governance.permissions import ROLES, Permission
from bucle.interfaces.operations.table import ROOMS, AnyOperation, rows_of

ROOT = Path(__file__).resolve().parent.parent
_NOTE = "*This page follows from the code; it is written anew at each build.*\n"


def write_pages(folder: Path) -> None:
    """Write every generated page."""
    folder.mkdir(exist_ok=True)
    pages = {
        "architecture": _copy("ARCHITECTURE.md"),
        "changelog": _copy("CHANGELOG.md"),
        "errors": errors(),
        "operations": operations(),
        "permissions": permissions(),
        "settings": settings(),
    }
    for name, text in pages.items():
        _write(folder / f"{name}.md", text)


def operations() -> str:
    """Return the page of every operation: command, HTTP, permission, events, fields."""
    parts = ["# Operations\n", _NOTE]
    parts.append(
        "Each is one row of the operation table: a command, an endpoint and a method of the "
        "client, with one request and one answer. Paths stand below `/api/v1/{project}`.\n"
    )
    for room, (sentence, _) in ROOMS.items():
        rows = rows_of(room)
        if rows:
            parts.append(f"## {room}\n\n{sentence}.\n")
            parts.extend(_operation(row) for row in rows)
    return "\n".join(parts)


def permissions() -> str:
    """Return the page of permissions and of the roles that bundle them."""
    roles = list(ROLES)
    body = [[f"`{permission}`", *("yes" if permission in ROLES[role] else "" for role in roles)]
            for permission in Permission]  # fmt: skip
    return "\n".join(("# Permissions\n", _NOTE, _table(["permission", *roles], body)))


def settings() -> str:
    """Return the page of settings with their defaults and comments."""
    comments = _comments_of(ROOT / "bucle" / "base" / "settings.py")
    body = []
    for name, default in zip(Settings.__struct_fields__[-len(Settings.__struct_defaults__) :],
                             Settings.__struct_defaults__, strict=True):  # fmt: skip
        shown = f"`{default}`" if default not in ("", 0) else ""
        body.append([f"`BUCLE_{name.upper()}`", shown, escape(comments.get(name, ""))])
    home = ["`BUCLE_HOME`", "`~/.bucle`", "everything that has no URL of its own"]
    return "\n".join(("# Settings\n", _NOTE, _table(["variable", "default", ""], [home, *body])))


def errors() -> str:
    """Return the page of errors with their HTTP status and exit code."""
    body = [[f"`{kind.__name__}`", str(status), str(code), _first_line(kind)]
            for kind, (status, code) in STATUS.items()]  # fmt: skip
    bug = ["a bug", "500", "1", "Anything else; the answer names an id that the log holds."]
    usage = ["usage", "", "2", "The command line was typed wrongly."]
    heads = ["error", "HTTP status", "exit code", ""]
    return "\n".join(("# Errors\n", _NOTE, _table(heads, [*body, bug, usage])))


def _write(page: Path, text: str) -> None:
    """Write a page in one step, because two builds may run at once; leave an equal one alone."""
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return
    draft = page.with_suffix(f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(page)


def _operation(row: AnyOperation) -> str:
    lines = [f"### {row.name}\n", f"{row.summary}\n"]
    takes = " ".join(f"<{name}>" for name in row.positional)
    lines.append(f"`bucle {row.room} {row.verb.replace('_', '-')}{' ' + takes if takes else ''}`\n")
    facts = ", ".join(f"`{event}`" for event in row.events)
    lines += [f"- `{row.method} {row.path}`", f"- permission `{row.permission}`"]
    lines += [f"- may record {facts}"] if facts else []
    fields = ", ".join(f"`{name}`" for name in row.request.__struct_fields__)
    lines += [f"- takes {fields}"] if fields else []
    return "\n".join(lines) + "\n"


def _table(heads: list[str], body: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _comments_of(path: Path) -> dict[str, str]:
    found = re.findall(r"^    (\w+): .*?  # (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: comment.removeprefix('"": ').removeprefix("0: ") for name, comment in found}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _copy(name: str) -> str:
    """Return a page of the repository's root; what is no page of these docs loses its link."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](../", text)
    return re.sub(r"\[([^\]]+)\]\((?!\.\./|https?:)[^)]*\)", r"\1", text)
