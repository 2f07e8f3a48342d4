"""Open a version's files for the libraries that read Parquet in place, as they like it.

Columns and conditions go down to the files: what no row group can hold is not read.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bucle.base.errors import Invalid, NotInstalled

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

# An expression of Arrow, or conditions that must all hold: `[("fare", ">", 5)]`
Filter: TypeAlias = "pc.Expression | Sequence[tuple[str, str, Any]] | None"


def schema_of(paths: Sequence[Path], names: Sequence[str]) -> "pa.Schema":
    """Return the columns of a version as all its files together have them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = [pq.read_schema(path) for path in paths]
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    return pa.schema([whole.field(name) for name in names])


def open_scan(paths: Sequence[Path], schema: "pa.Schema") -> "ds.Dataset":
    """Open files as one dataset of Arrow; a column that a file lacks is null."""
    import pyarrow.dataset as ds

    return ds.dataset([str(path) for path in paths], schema=schema, format="parquet")


def condition(given: Filter, known: Sequence[str]) -> "pc.Expression | None":
    """Return conditions as Arrow's expression.

    Raises:
        Invalid: they are none, or on a column that is not there.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if given is None or isinstance(given, pc.Expression):
        return given
    hint = 'write [("fare", ">", 5)], or pyarrow.compute.field("fare") > 5'
    if isinstance(given, str):
        raise Invalid(f"{given!r} is no condition", hint=hint)
    try:
        asked = [each for each in given if each[0] not in known]
        if asked:
            raise Invalid(
                f"there is no column {asked[0][0]!r}", hint=f"there are {', '.join(known)}"
            )
        return pq.filters_to_expression(list(given))
    except (ValueError, TypeError, IndexError, pa.ArrowException) as error:
        raise Invalid(f"{given!r} is no condition: {error}", hint=hint) from error


def open_polars(paths: Sequence[Path], names: Sequence[str]) -> "pl.LazyFrame":
    """Open files as a lazy frame of Polars.

    Raises:
        NotInstalled: Polars is not.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise NotInstalled(
            "a lazy frame needs a package that is not installed (polars)",
            hint="pip install polars",
        ) from error
    files = [str(path) for path in paths]
    # By name: the files of a version may differ in their columns.
    frames = [pl.scan_parquet(path, hive_partitioning=False) for path in files]
    if len(frames) == 1:
        return frames[0].select(names)
    return pl.concat(frames, how="diagonal_relaxed").select(names)


def require_pandas() -> None:
    """Go on only if pandas is installed.

    Raises:
        NotInstalled: it is not.
    """
    if find_spec("pandas") is None:
        raise NotInstalled(
            "a data frame needs a package that is not installed (pandas)",
            hint="pip install 'bucle[pandas]'",
        )
