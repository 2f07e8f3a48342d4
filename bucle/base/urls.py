"""Addresses as people may see them."""

from urllib.parse import urlsplit


def without_password(url: str) -> str:
    """Return a URL without who signs in, with what, and what is set for the connection."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
