"""Room parcels: metric points as a client packed them, taken exactly once."""

from bucle.lifecycle.tracking.parcels.records import Parcel
from bucle.lifecycle.tracking.parcels.take import forget_writers, take_parcel

__all__ = ["Parcel", "forget_writers", "take_parcel"]
