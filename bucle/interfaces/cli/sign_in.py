"""The local owner's token: made once, kept in the home where only its owner can read it."""

import os
from pathlib import Path

from bucle.base.errors import Denied
from bucle.base.settings import Settings
from bucle.governance.access.tokens import bearer_of, create_token
from bucle.governance.session import House


def owner_token(settings: Settings) -> str:
    """Return the owner's token of this home, and make one where there is none that counts."""
    file = settings.home_path / "run" / "owner-token"
    house = House(settings)
    try:
        session = house.session()
        if file.exists():
            kept = file.read_text().strip()
            try:
                with session.begin(write=False) as scope:
                    bearer_of(scope.tx, kept, scope.now)
            except Denied:
                file.unlink()
            else:
                return kept
        with session.begin() as scope:
            bearer = create_token(scope, note="bucle up").bearer
        _keep(file, bearer)
        return bearer
    finally:
        house.close()


def _keep(file: Path, bearer: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as kept:
        kept.write(bearer)
