"""The environment lock of a package: the exact distributions that loading it needs."""

import platform
import re
from collections.abc import Iterable
from importlib import metadata

import msgspec

from bucle.base.version import __version__

_HEAD = re.compile(r"# Python (\S+), bucle (\S+)")


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """What a package's `requirements.txt` says."""

    python: str = ""  # "": it does not say
    packages: dict[str, str]


def lock(roots: Iterable[str]) -> str:
    """Return `requirements.txt`: these distributions and all that they need, as installed here."""
    lines = [f"{name}=={version}" for name, version in sorted(closure(roots).items())]
    head = f"# Python {platform.python_version()}, bucle {__version__}"
    return "\n".join([head, *lines]) + "\n"


def read_lock(text: str) -> Lock:
    """Return what a `requirements.txt` of ours pins; a line that pins nothing is left out."""
    head = _HEAD.match(text)
    pins = [line.partition("==") for line in text.splitlines() if not line.startswith("#")]
    return Lock(
        python=head.group(1) if head else "",
        packages={canonical(name.strip()): version.strip() for name, _, version in pins if version},
    )


def closure(roots: Iterable[str]) -> dict[str, str]:
    """Return the versions of these distributions and of all that they need, as installed here."""
    found: dict[str, str] = {}
    waiting = sorted(roots)
    while waiting:
        name = canonical(waiting.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an optional part that this environment goes without
        found[name] = distribution.version
        waiting.extend(needs(distribution))
    return found


def needs(distribution: metadata.Distribution) -> list[str]:
    """Return the names of what a distribution needs here, without its extras."""
    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in distribution.requires or ()]
    return [
        requirement.name
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def canonical(name: str) -> str:
    """Return a distribution's name in the one form that locks use."""
    return re.sub(r"[-_.]+", "-", name).lower()
