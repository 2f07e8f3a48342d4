"""Floor 2: who does what, in which transaction, on the record and at what cost."""
