"""Floor 1: the outside world, each kind behind a protocol and chosen by URL scheme."""
