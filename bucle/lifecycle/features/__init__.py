"""Room features: one definition, for training sets and online rows."""
