"""Room serving: what should be served, how traffic is split, what was predicted."""
