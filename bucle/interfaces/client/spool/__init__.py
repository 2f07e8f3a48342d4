"""The spool: what a run says lies on this machine until a server has it."""

from bucle.interfaces.client.spool.sync import Synced, sync
from bucle.interfaces.client.spool.writer import SpoolWriter, new_id_at

__all__ = ["SpoolWriter", "Synced", "new_id_at", "sync"]
