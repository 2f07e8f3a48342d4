"""What was read of a stream's state for some entities, and which of it a window holds."""

import msgspec
import numpy as np

from bucle.lifecycle.features.stream.tiles import TIME, Cover, Words


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was read of some entities: their tiles, and the events where windows begin and end."""

    tiles: Words  # a row for each
    owners: Words  # of each tile, the place of its entity
    levels: Words
    places: Words  # of each tile, its place in time
    events: Words  # a row for each
    event_owners: Words  # of each event, the place of its entity


def chosen_tiles(found: Found, covered: Cover) -> Words:
    """Return the places of the tiles that a window is made of."""
    chosen = np.zeros(len(found.owners), np.bool_)
    for level, first, last in covered.tiles:
        chosen |= (found.levels == level) & (found.places >= first) & (found.places <= last)
    return np.flatnonzero(chosen)


def chosen_events(found: Found, covered: Cover) -> Words:
    """Return the places of the events that a window holds beside its tiles."""
    chosen = np.zeros(len(found.events), np.bool_)
    for low, high in covered.rest:
        chosen |= (found.events[:, TIME] >= low) & (found.events[:, TIME] <= high)
    return np.flatnonzero(chosen)
