"""How an expectation names a column of another dataset."""

from bucle.base.errors import Invalid


def referenced(text: str) -> tuple[str, str]:
    """Part `customers.id` (or `customers@3.id`) into the dataset and its column.

    Raises:
        Invalid: it has no dot.
    """
    dataset, dot, column = text.rpartition(".")
    if not dot or not dataset or not column:
        raise Invalid(
            f"{text!r} names no column of a dataset", hint="write customers.id, or customers@3.id"
        )
    return dataset, column
