"""`bucle demo`: one whole loop, watched while it turns."""
