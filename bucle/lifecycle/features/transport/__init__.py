"""The way of events: into a topic, from there into the features, and aside where they are wrong."""

from bucle.lifecycle.features.transport.begin import seed_stream
from bucle.lifecycle.features.transport.dead import list_dead, replay_dead
from bucle.lifecycle.features.transport.follow import follow
from bucle.lifecycle.features.transport.records import DeadLetter, Followed, Replayed, Sent
from bucle.lifecycle.features.transport.send import send

__all__ = [
    "DeadLetter",
    "Followed",
    "Replayed",
    "Sent",
    "follow",
    "list_dead",
    "replay_dead",
    "seed_stream",
    "send",
]
