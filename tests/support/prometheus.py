"""Debian's Prometheus: found, or the test is skipped (on CI: failed)."""

import shutil

from tests.support.absent import missing


def program(name: str) -> str:
    """Return `prometheus` or `promtool`."""
    found = shutil.which(name)
    if found is None:
        missing(f"no {name} on the path: apt-get install prometheus")
    assert found is not None
    return found
