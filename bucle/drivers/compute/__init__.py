"""Compute: functions in processes of their own, chosen by URL."""

import os
from urllib.parse import parse_qsl, urlsplit

from bucle.base.errors import Invalid, NotInstalled
from bucle.drivers.compute.process import ProcessCompute
from bucle.drivers.compute.protocol import Compute, Outcome, TaskOptions, usage_of_failure

__all__ = ["Compute", "Outcome", "TaskOptions", "open_compute", "usage_of_failure"]

_KNOWN = {"workers", "preload"}


def open_compute(url: str) -> Compute:
    """Open the compute that a URL names: `process:` or `process:?workers=2&preload=numpy`.

    By default there are as many workers as cores.

    Raises:
        Invalid: the URL is of no known kind, or an option is unknown or wrong.
        NotInstalled: this system cannot fork.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "process" or parts.netloc or parts.path or not _KNOWN.issuperset(options):
        raise Invalid(f"{url!r} is not the URL of compute", hint="process:?workers=2")
    if not hasattr(os, "fork"):
        raise NotInstalled(f"{url!r} needs a system that can fork", hint="use Linux or macOS")
    workers = options.get("workers", str(os.cpu_count() or 1))
    if not (workers.isdecimal() and int(workers)):
        raise Invalid(f"{workers!r} is not a number of workers", hint="process:?workers=2")
    given = options.get("preload")
    preload = None if given is None else [name for name in given.split(",") if name]
    return ProcessCompute(workers=int(workers), preload=preload)
