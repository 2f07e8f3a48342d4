"""Note that a run was given a dataset's version, with how much that is."""

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle.data import get_version
from bucle.lifecycle.tracking import add_input


def note_input(scope: Scope, run: Ref, dataset: Ref) -> None:
    """Link a version to a run; the link tells its rows and files."""
    version = get_version(scope, dataset)
    add_input(scope, run, version.ref, rows=version.rows, files=len(version.files))
