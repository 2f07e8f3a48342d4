"""What of a deployment's predictions is logged: which rows, which columns, and what of those.

Pure.  Applied where a prediction is made, before anything is written: what is left out or hashed
is on no disk.  A hash is keyed (HMAC-SHA-256 with a key of this installation), so that equal
values can be joined and nobody finds a value by trying all that there are.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration

Mask = Literal["hash", "drop", "keep"]
HASHED = "h:"  # what a hash begins with, so that it is not taken for a value
_HASH_BYTES = 16
_WHOLE = 1 << 64


class LogPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment's prediction log holds, and how long."""

    share: float = 1.0  # of the rows, in 0..1; rows that failed are always logged
    by: Literal["id", "key"] = "id"  # key: all or nothing of the rows of one routing key
    columns: Literal["all", "model"] | tuple[str, ...] = "all"  # model: only what it takes
    mask: Mask = "keep"  # what becomes of columns that are said to be sensitive
    retention: str = ""  # how long rows are kept: 90d; "": for ever
    collect: str = ""  # so often, what is new goes into dataset <name>_predictions; "": never


class PlannedLog(msgspec.Struct, frozen=True, kw_only=True):
    """What a model server needs to know of that."""

    share: float = 1.0
    by: Literal["id", "key"] = "id"
    columns: Literal["all", "model"] | tuple[str, ...] = "all"
    hashed: tuple[str, ...] = ()  # inputs
    left_out: tuple[str, ...] = ()  # inputs


def check_policy(policy: LogPolicy) -> None:
    """Refuse a policy that could never be carried out.

    Raises:
        Invalid: with the value and what is allowed.
    """
    if not 0 < policy.share <= 1:
        raise Invalid(
            f"log.share is {policy.share:g}", hint="write a share above 0 and up to 1, such as 0.1"
        )
    if policy.columns == ():
        raise Invalid("log.columns names no column", hint="write columns: model")
    for duration in (policy.retention, policy.collect):
        if duration:
            parse_duration(duration)


def planned_log(policy: LogPolicy, sensitive: Sequence[str]) -> PlannedLog:
    """Return what a model server is told, of a model with these sensitive inputs."""
    names = tuple(sorted(sensitive))
    return PlannedLog(
        share=policy.share,
        by=policy.by,
        columns=policy.columns,
        hashed=names if policy.mask == "hash" else (),
        left_out=names if policy.mask == "drop" else (),
    )


def is_in(share: float, by: str) -> bool:
    """Tell whether the row of an id (or all rows of a key) is in a share: for ever the same."""
    digest = blake2b(by.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * _WHOLE


def is_kept(plan: PlannedLog, name: str, inputs: Sequence[str]) -> bool:
    """Tell whether anything of a column is logged."""
    if name in plan.left_out:
        return False
    if plan.columns == "model":
        return name in inputs
    return plan.columns == "all" or name in plan.columns


def hashed(key: bytes, value: object) -> str | None:
    """Return what is logged of a value that is not: 128 bits in hexadecimal; None of None.

    A whole number has one hash, however it came: 7 and 7.0 are joined.
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    told = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    return HASHED + hmac.digest(key, told, "sha256")[:_HASH_BYTES].hex()


def masked(
    plan: PlannedLog, key: bytes | None, columns: Mapping[str, Any], inputs: Sequence[str]
) -> dict[str, Any]:
    """Return the columns that are logged, those that are to be hashed as hashes.

    Without a key (a model server on another machine that was not given it) they are left out.
    """
    kept: dict[str, Any] = {}
    for name, values in columns.items():
        if not is_kept(plan, name, inputs):
            continue
        if name not in plan.hashed:
            kept[name] = values
        elif key is not None:
            given = values.tolist() if hasattr(values, "tolist") else values
            kept[name] = [hashed(key, value) for value in given]
    return kept
