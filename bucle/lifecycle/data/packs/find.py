"""Find the packs that contents lie in, and read the lists of the parts of large ones."""

from collections.abc import Mapping

from bucle.base.errors import NotFound
from bucle.drivers.blobs.content import content_key
from bucle.drivers.blobs.packs import parts_of
from bucle.governance.session import Session
from bucle.lifecycle.data.packs import store
from bucle.lifecycle.data.packs.records import Place

Places = Mapping[str, Place]


def places_of(session: Session, digests: set[str]) -> Places:
    """Return where contents lie.

    Raises:
        NotFound: one of them is in no pack of the project.
    """
    with session.begin(write=False) as scope:
        found = store.find_places(scope.tx, scope.project, digests)
    if absent := digests - found.keys():
        raise NotFound(
            f"{len(absent)} of the files are not in the store, such as {min(absent)}",
            hint="bucle data commit of the folder stores what is missing",
        )
    return found


def parts_in(session: Session, places: Places) -> dict[str, list[str]]:
    """Return the parts of those contents that have some, in their order."""
    blobs = session.drivers.blobs
    return {
        digest: parts_of(
            blobs.get_range(content_key(place.pack), place.start, place.start + place.length)
        )
        for digest, place in places.items()
        if place.is_list
    }
