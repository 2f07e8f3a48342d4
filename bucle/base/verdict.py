"""`Verdict`: what a check concluded, in one shape for every kind of check."""

import msgspec


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One check's conclusion: data expectation, gate, drift, latency, parity or budget."""

    name: str
    ok: bool
    value: float | None = None  # None: the check has no number, or could not get one
    limit: float | None = None  # None: the check has no numeric limit
    note: str = ""


def all_ok(verdicts: "tuple[Verdict, ...] | list[Verdict]") -> bool:
    """Tell whether every verdict is favourable; no verdict at all is favourable."""
    return all(verdict.ok for verdict in verdicts)
