"""Sub-room walk: which runs make a page, found from indexes alone (SQLite)."""

from bucle.lifecycle.tracking.search.walk.store import Piece, find_pieces

__all__ = ["Piece", "find_pieces"]
