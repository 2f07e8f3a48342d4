"""What `bucle up` prepares before it starts anything, in a process of its own that ends.

Applying a project and making a token take libraries that `bucle up`, which lives on and only
watches the others, would hold in memory for as long as it runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from bucle.base.errors import STATUS, BucleError
from bucle.base.settings import load_settings
from bucle.interfaces.cli.talk import say_error

_INTERRUPTED = 130


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the process answers on stdout; what it did, it has said on stderr."""

    project: str  # of the applied folder; empty: none was applied
    token: str


def prepare(folder: Path | None) -> Prepared:
    """Apply a folder's project if there is one, and find or make the owner's token.

    Raises:
        click.exceptions.Exit: it went wrong, and was said on stderr.
    """
    done = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", __name__, *([str(folder)] if folder else [])],
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)
    return msgspec.json.decode(done.stdout, type=Prepared)


def main(folder: str = "") -> int:
    """Do it, in the process that ends."""
    from bucle.interfaces.cli.declare import apply_folder
    from bucle.interfaces.cli.sign_in import owner_token

    project = ""
    try:
        if folder:
            project = apply_folder(Path(folder))
            os.environ.setdefault("BUCLE_PROJECT", project)
        token = owner_token(load_settings())
    except BucleError as error:
        say_error(error, as_json=False)
        return STATUS[type(error)][1]
    except KeyboardInterrupt:
        return _INTERRUPTED
    sys.stdout.buffer.write(msgspec.json.encode(Prepared(project=project, token=token)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
