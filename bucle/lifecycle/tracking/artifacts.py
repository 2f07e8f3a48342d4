"""A run's files by the name that runs have for them."""

from bucle.lifecycle.tracking.files import File
from bucle.lifecycle.tracking.records import Artifact


def artifact_of(file: File) -> Artifact:
    """Return a file of a run as its artifact."""
    return Artifact(
        run=file.owner,
        path=file.path,
        digest=file.digest,
        size_bytes=file.size_bytes,
        logged_at=file.logged_at,
    )
