"""Sub-room batch: what a client writes to a run, in few statements and with no answer."""

from bucle.lifecycle.tracking.batch.records import Batch, RunChange, RunState
from bucle.lifecycle.tracking.batch.write import change_run, drop_tag, log_batch, state_of

__all__ = ["Batch", "RunChange", "RunState", "change_run", "drop_tag", "log_batch", "state_of"]
