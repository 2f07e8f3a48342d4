"""Bring what another tool keeps into the house: sources are read here, verbs keep what is read."""
