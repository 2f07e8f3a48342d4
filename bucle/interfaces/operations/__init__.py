"""The operation table: a verb is made public here, once."""
