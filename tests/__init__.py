"""Bucle's tests: unit/ mirrors the package, the other folders are kinds of tests."""
