"""Bucle's version, on the lowest floor so that every floor may say it."""

__version__ = "0.1.0"
