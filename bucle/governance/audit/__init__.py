"""Room audit: facts in a hash chain, and the verification of it."""
