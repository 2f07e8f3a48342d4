"""The JSON API: the operation table over HTTP."""
