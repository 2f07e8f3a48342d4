"""Where a client keeps things under its home."""

import re
from pathlib import Path

from bucle.base.digest import digest_bytes

_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")
_READABLE = 60


def place_of(home: Path, where: str, project: str) -> Path:
    """Return the folder of the spools of one project at one server, with a readable name."""
    readable = _UNFIT.sub("-", f"{where.partition('://')[2] or 'here'}-{project}").strip("-")
    digest = digest_bytes(f"{where}\n{project}".encode())
    return home / "spool" / f"{readable[:_READABLE]}-{digest[:8]}"
