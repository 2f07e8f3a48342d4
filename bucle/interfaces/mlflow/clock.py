"""Moments as the protocol has them: whole milliseconds since 1970 (UTC)."""

from datetime import UTC, datetime, timedelta

from bucle.base.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds, the last one that it has reached."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    """Return the moment of some milliseconds.

    Raises:
        Invalid: no calendar has it.
    """
    try:
        return _EPOCH + milliseconds * _MILLISECOND
    except OverflowError as error:
        raise Invalid(f"{milliseconds} is not a time in milliseconds since 1970") from error
