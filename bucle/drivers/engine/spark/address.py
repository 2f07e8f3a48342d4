"""Read the URL of a Spark: `spark://local[2]?memory=4GB` or `spark://host:7077`."""

import os
import re
from urllib.parse import parse_qsl

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_bytes

_HINT = "spark://local[2]?memory=4GB&partitions=8 or spark://host:7077"
_LOCAL = re.compile(r"local(?:\[(\*|[1-9][0-9]{0,3})\])?")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@?#]+):([0-9]{1,5})")
_KNOWN = {"memory", "partitions"}
_LARGEST_PORT = 65_535
_MOST_PARTITIONS = 100_000
_QUARTER = 4
_SMALLEST_MEMORY_BYTES = 1 << 30


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Which Spark, and what it may take."""

    master: str  # as Spark writes it
    host: str = ""  # "": in this process
    port: int = 0
    memory_bytes: int = 0  # of this process's Spark, or of each executor; 0: as the cluster has it
    partitions: int = 0  # of what is sorted; 0: as Spark has it

    @property
    def is_local(self) -> bool:
        """Whether it runs in a Java process beside this one, and nowhere else."""
        return not self.host


def parse_address(url: str) -> Address:
    """Read a URL; by default a local Spark takes all cores, and a quarter of the memory.

    Raises:
        Invalid: it names no Spark, or an option is unknown or wrong.
    """
    # Not by `urlsplit`, to which brackets are an address of IPv6.
    place, _, query = url.removeprefix("spark://").partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    local, server = _LOCAL.fullmatch(place), _SERVER.fullmatch(place)
    if not url.startswith("spark://") or not (local or server) or not _KNOWN.issuperset(options):
        raise Invalid(f"{url!r} is not the URL of a Spark", hint=_HINT)
    memory = parse_bytes(options["memory"]) if "memory" in options else 0
    partitions = _count(options["partitions"]) if "partitions" in options else 0
    if memory and memory < _SMALLEST_MEMORY_BYTES // 2:
        raise Invalid(f"{options['memory']!r} is too little memory for Spark", hint="memory=1GB")
    if local:
        threads = _threads(local.group(1))
        return Address(
            master=f"local[{threads}]",
            memory_bytes=memory or max(_SMALLEST_MEMORY_BYTES, _memory_here() // _QUARTER),
            partitions=partitions or threads,
        )
    assert server
    port = int(server.group(2))
    if not 0 < port <= _LARGEST_PORT:
        raise Invalid(f"{port} is not a port", hint=_HINT)
    host = server.group(1)
    return Address(
        master=f"spark://{host}:{port}",
        host=host.strip("[]"),
        port=port,
        memory_bytes=memory,
        partitions=partitions,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= _MOST_PARTITIONS:
        raise Invalid(f"{text!r} is not a number of partitions", hint="partitions=8")
    return int(text)


def _threads(text: str | None) -> int:
    return int(text) if text and text != "*" else os.cpu_count() or 1


def _memory_here() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
