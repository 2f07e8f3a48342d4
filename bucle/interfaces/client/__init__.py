"""The client of an installation, in this process or over HTTP, with the same answers."""

from bucle.interfaces.client.client import Client, connect

__all__ = ["Client", "connect"]
