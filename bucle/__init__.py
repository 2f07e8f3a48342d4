"""Bucle: the whole MLOps loop in one package."""

from bucle.base.version import __version__

__all__ = ["__version__"]
