"""What may be a table's name, in every driver."""

from bucle.base.errors import Invalid

_LONGEST_BYTES = 200


def check_table(table: str) -> str:
    """Return the name, if every driver can hold it.

    Raises:
        Invalid: empty, longer than 200 bytes, or with a control character.
    """
    if not table or not table.isprintable() or len(table.encode()) > _LONGEST_BYTES:
        raise Invalid(
            f"{table[:_LONGEST_BYTES]!r} cannot be the name of an online table",
            hint=f"printable, 1 to {_LONGEST_BYTES} bytes, for example 'churn/customer_spend'",
        )
    return table
