"""The command line: one command per row of the operation table."""
