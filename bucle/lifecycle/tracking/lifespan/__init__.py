"""Sub-room lifespan: runs put aside, taken back, and forgotten for good."""

from bucle.lifecycle.tracking.lifespan.change import (
    Purged,
    delete_run,
    purge,
    purge_run,
    restore_run,
)

__all__ = ["Purged", "delete_run", "purge", "purge_run", "restore_run"]
