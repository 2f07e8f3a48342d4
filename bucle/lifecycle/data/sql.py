"""Write names and values in SQL."""

from bucle.lifecycle.data.read import quoted


def literal(value: str | float | bool) -> str:  # noqa: FBT001 - a value of a set
    """Write a value in SQL."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def valued(name: str, kind: str) -> str:
    """Write a column of a kind as a DOUBLE (a NaN is no value) or as text."""
    column = quoted(name)
    if kind == "number":
        return f"nullif({column}::DOUBLE, 'nan'::DOUBLE)"
    if kind == "time":
        return f"epoch({column})"
    return f"{column}::VARCHAR"
