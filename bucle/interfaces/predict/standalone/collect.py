"""Find the predictions that a model server kept on its disk."""

from pathlib import Path

from bucle.drivers.blobs import open_blobs
from bucle.interfaces.predict.ship import ship
from bucle.interfaces.predict.standalone.home import PROJECT
from bucle.interfaces.predict.wal import abandoned
from bucle.lifecycle.serving.segments import list_segments


def waiting_segments(folder: Path) -> list[tuple[str, Path]] | None:
    """Return the segments in a home, each with its deployment; None: it is no such home.

    What a server that is dead had not made a segment of yet is made one first; of one that runs,
    the newest predictions wait for the next time.

    Raises:
        Unavailable: the folder can not be written.
    """
    store = folder / "blobs"
    if not store.is_dir():
        return None
    blobs = open_blobs(f"file://{store.absolute()}")
    for path in abandoned(folder / "predict" / "log"):
        ship(path, blobs)
    found = []
    for segment in list_segments(blobs, PROJECT):
        place = blobs.local_path(segment.key)
        assert place is not None
        found.append((segment.deployment, place))
    return found
