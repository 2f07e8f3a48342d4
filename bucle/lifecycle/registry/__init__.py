"""Room registry: model packages, versions, gates, aliases, and who decided what."""

from bucle.lifecycle.registry.load import load_package, statement
from bucle.lifecycle.registry.package import Packaging, package_model
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import Field, Manifest, Package, PackageFile, Signature

__all__ = [
    "Field",
    "Manifest",
    "Package",
    "PackageFile",
    "Packaging",
    "Predictor",
    "Signature",
    "load_package",
    "package_model",
    "statement",
]
