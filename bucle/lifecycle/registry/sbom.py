"""The software bill of materials of a package: what is in its lock, under which licence.

CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/), written by hand: it is one small
document, and holds neither a time nor a serial number, so that an equal model gives an equal
package, nor a digest of the weights, which the signed manifest has, so that equal locks give equal
bills.
"""

from collections.abc import Iterable
from importlib import metadata
from typing import Any

from bucle.base.codec import canonical_json
from bucle.base.version import __version__
from bucle.lifecycle.registry.requirements import canonical, closure, needs

_MODEL = "model"
_LONGEST_LICENCE = 120  # some distributions put the whole text there
_CLASSIFIER = "License :: "


def sbom(roots: Iterable[str], *, python: str, flavor: str) -> bytes:
    """Return the bill of materials of what a package's lock names.

    Args:
        roots: the distributions that the flavor needs.
        python: the interpreter's version.
        flavor: the weights' format.
    """
    roots = sorted({canonical(name) for name in roots})
    found = closure(roots)
    refs = {name: f"pkg:pypi/{name}@{version}" for name, version in sorted(found.items())}
    interpreter = f"pkg:generic/python@{python}"
    depends = {
        _MODEL: [interpreter, *(refs[name] for name in roots if name in refs)],
        interpreter: [],
        **{ref: _needs(name, refs) for name, ref in refs.items()},
    }
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "bucle", "version": __version__}]
            },
            "component": {
                "type": "machine-learning-model",
                "bom-ref": _MODEL,
                "name": "model",
                "description": f"weights in the format of {flavor}",
            },
        },
        "components": [
            {
                "type": "platform",
                "bom-ref": interpreter,
                "name": "python",
                "version": python,
                "purl": interpreter,
            },
            *(_component(name, found[name], ref) for name, ref in refs.items()),
        ],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(set(needed))} for ref, needed in depends.items()
        ],
    }
    return canonical_json(document)


def _needs(name: str, refs: dict[str, str]) -> list[str]:
    wanted = [canonical(each) for each in needs(metadata.distribution(name))]
    return [refs[each] for each in wanted if each in refs]


def _component(name: str, version: str, ref: str) -> dict[str, Any]:
    said = {"type": "library", "bom-ref": ref, "name": name, "version": version, "purl": ref}
    licence = _licence(metadata.distribution(name).metadata)
    return said | ({"licenses": [licence]} if licence else {})


def _licence(said: metadata.PackageMetadata) -> dict[str, Any] | None:
    """Return what a distribution says of its licence; None: nothing that can be named."""
    if "License-Expression" in said:
        return {"expression": said["License-Expression"]}
    names = [text for text in said.get_all("Classifier") or () if text.startswith(_CLASSIFIER)]
    if names:
        return {"license": {"name": names[0].rpartition(" :: ")[2]}}
    text = said["License"].strip() if "License" in said else ""
    if text and len(text) <= _LONGEST_LICENCE and "\n" not in text:
        return {"license": {"name": text}}
    return None
