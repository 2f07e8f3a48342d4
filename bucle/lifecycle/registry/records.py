"""What the registry keeps: packages and their signatures, versions, gates and decisions."""

import msgspec

# The types that a model's columns may have; each comes from an Arrow type (`columns.py`).
FLOAT, INTEGER, BOOLEAN, TEXT, MOMENT = "float64", "int64", "bool", "string", "timestamp"
MATRIX = "list<float64>"  # an output only: one probability per class

MANIFEST_FILE = "bucle-model.json"
EXAMPLE_FILE = "input_example.parquet"
REQUIREMENTS_FILE = "requirements.txt"
PROFILE_FILE = "reference-profile.json"

TASKS = ("regression", "classification", "other")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One column that a model takes or gives."""

    name: str
    type: str
    nullable: bool = False  # whether the model itself copes with a missing value here


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes, in the model's order, and what it gives."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


class PackageFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a package, which lies in the content store under its digest."""

    digest: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`bucle-model.json`: everything that a package is; its digest is the package's identity.

    It holds no time and no name, so that packing an equal model again gives the same package.
    """

    format: int = 1
    flavor: str  # onnx, skops or python
    task: str
    signature: Signature
    target: str = ""  # "": the model has no target column
    classes: tuple[str | int | bool, ...] = ()  # of a classifier, in the order of probabilities
    weights: str = ""  # the name of the file that the flavor loads
    options: dict[str, str] = {}  # the flavor's own
    files: dict[str, PackageFile]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose files are in the content store, not registered and not signed yet."""

    digest: str  # of the manifest
    manifest: Manifest
    note: str = ""  # why this flavor and not a safer or quicker one
