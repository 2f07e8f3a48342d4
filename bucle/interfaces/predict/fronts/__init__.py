"""From the network to the door and back: a file per protocol."""
