"""The data plane: a process that serves models without asking the database."""
