"""Who is in which wave, and when the next one may begin.  Pure."""

import hashlib
from datetime import datetime, timedelta

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.verdict import Verdict
from bucle.lifecycle.serving.fleet.records import FleetRollout, FleetSpec, Releases, WaveCounts

_LABELS_LIMIT = 20


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """A wave as it was declared."""

    share: float | None = None  # None: it is chosen by labels
    labels: str = ""  # as `labels_text` writes them


def place_of(follower: str) -> float:
    """Return a follower's place in 0..1: those with the smallest are always the first."""
    digest = hashlib.blake2b(follower.encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)


def parse_labels(text: str) -> dict[str, str]:
    """Read `site=lab,arch=arm64`.

    Raises:
        Invalid: not of that form.
    """
    labels: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, found, value = part.partition("=")
        if not (found and name.strip() and value.strip()):
            raise Invalid(f"{part!r} is not a label", hint="write site=lab,arch=arm64")
        labels[name.strip()] = value.strip()
    if len(labels) > _LABELS_LIMIT:
        raise Invalid(f"{len(labels)} labels; {_LABELS_LIMIT} are allowed", hint="leave some out")
    return labels


def labels_text(labels: dict[str, str]) -> str:
    """Return labels as one text, in which each stands between commas."""
    inside = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return f",{inside}," if inside else ""


def parse_wave(text: str) -> Wave:
    """Read a share or labels.

    Raises:
        Invalid: neither.
    """
    if "=" in text:
        return Wave(labels=labels_text(parse_labels(text)))
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise Invalid(f"{text!r} is not a wave", hint="write a share as 0.1, or labels as site=lab")
    return Wave(share=share)


def check_spec(spec: FleetSpec) -> FleetSpec:
    """Return the spec, its last wave everybody.

    Raises:
        Invalid: a value is out of its range, or the shares do not rise.
    """
    waves = [parse_wave(text) for text in spec.waves]
    shares = [wave.share for wave in waves if wave.share is not None]
    if shares != sorted(set(shares)):
        raise Invalid(
            f"the shares {', '.join(f'{share:g}' for share in shares)} do not rise",
            hint="each wave takes in the ones before: write 0.01 0.1 0.5 1",
        )
    for name, value in (("min_healthy", spec.min_healthy), ("max_errors", spec.max_errors)):
        if not 0 <= value <= 1:
            raise Invalid(f"{name} is a share, not {value:g}", hint="write a number in 0..1")
    for text in (spec.settle, spec.patience):
        parse_duration(text)
    whole = () if shares and shares[-1] == 1 else ("1",)
    return msgspec.structs.replace(spec, waves=(*spec.waves, *whole))


def gets_target(rollout: FleetRollout, place: float, labels: str) -> bool:
    """Tell whether a follower should have the new plan."""
    if rollout.state != "rolling":
        return rollout.state != "rolled_back"
    return place <= rollout.reach or bears_any(labels, rollout.labels)


def bears_any(labels: str, waves: tuple[str, ...]) -> bool:
    """Tell whether labels hold all those of one of the waves."""
    return any(
        all(f",{label}," in labels for label in wave.strip(",").split(",")) for wave in waves
    )


def content_for(releases: Releases, place: float, labels: str) -> tuple[str, bytes] | None:
    """Return digest and content of the plan that a follower should have; None: there is none."""
    if gets_target(releases.rollout, place, labels):
        return releases.target.digest, releases.target.content
    if releases.stable is None:
        return None
    return releases.stable.digest, releases.stable.content


def judge_wave(
    counts: WaveCounts, spec: FleetSpec, rollout: FleetRollout, now: datetime
) -> tuple[str, tuple[Verdict, ...]]:
    """Conclude `wait`, `settle` (enough of it serves the plan now), `advance` or `abort`."""
    applied = counts.applied / counts.members if counts.members else 1.0
    failed = counts.failed / counts.members if counts.members else 0.0
    errors = counts.errors / counts.requests if counts.requests else 0.0
    late = now - rollout.wave_at > parse_duration(spec.patience)
    problem = f": {counts.problem}" if counts.problem else ""
    healthy = Verdict(
        name="healthy",
        ok=failed <= 1 - spec.min_healthy,
        value=round(1 - failed, 4),
        limit=spec.min_healthy,
        note=f"{counts.failed} of {counts.members} followers failed with it{problem}",
    )
    failing = Verdict(
        name="errors",
        # One failure alone is no evidence.
        ok=counts.errors <= 1 or errors <= spec.max_errors,
        value=round(errors, 4),
        limit=spec.max_errors,
        note=f"{counts.errors} of {counts.requests} predictions failed",
    )
    reached = Verdict(
        name="reached",
        ok=applied >= spec.min_healthy or not late,
        value=round(applied, 4),
        limit=spec.min_healthy,
        note=f"{counts.applied} of {counts.members} followers serve it after {spec.patience}",
    )
    verdicts = (healthy, failing, reached)
    if not all(verdict.ok for verdict in verdicts):
        return "abort", verdicts
    if applied < spec.min_healthy:
        return "wait", verdicts
    if rollout.settled_at is None:
        return ("settle" if parse_duration(spec.settle) > timedelta() else "advance"), verdicts
    waited = now - rollout.settled_at >= parse_duration(spec.settle)
    return ("advance" if waited else "wait"), verdicts
