"""Datasets of files: a version is a table of paths, and the files lie in packs."""
