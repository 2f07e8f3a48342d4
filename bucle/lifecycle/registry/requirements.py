"""The environment lock of a package: the exact distributions that loading it needs."""

import platform
from collections.abc import Iterable
from importlib import metadata

from bucle.base.version import __version__


def lock(roots: Iterable[str]) -> str:
    """Return `requirements.txt`: these distributions and all that they need, as installed here."""
    found: dict[str, str] = {}
    waiting = sorted(roots)
    while waiting:
        name = _canonical(waiting.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an optional part that this environment goes without
        found[name] = distribution.version
        waiting.extend(_needs(distribution))
    lines = [f"{name}=={version}" for name, version in sorted(found.items())]
    head = f"# Python {platform.python_version()}, bucle {__version__}"
    return "\n".join([head, *lines]) + "\n"


def _needs(distribution: metadata.Distribution) -> list[str]:
    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in distribution.requires or ()]
    return [
        requirement.name
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
