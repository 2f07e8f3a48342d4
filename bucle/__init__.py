"""Bucle: the whole MLOps loop in one package."""

__version__ = "0.1.0"
