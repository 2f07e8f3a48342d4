"""What statements that compute features are made of, in every dialect."""

from datetime import timedelta

from bucle.base.quantity import parse_duration
from bucle.lifecycle.features.records import Aggregation, FeatureView

ROW, AT, EVENT = "bucle_row", "bucle_at", "bucle_event"
CREATED, ORDER, KNOWN = "bucle_created", "bucle_order", "bucle_known"
_MICRO = timedelta(microseconds=1)


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def keys_of(view: FeatureView) -> str:
    """Return the view's keys, quoted, for a list in SQL."""
    return ", ".join(quoted(name) for name in view.entity.keys)


def micros(text: str) -> int:
    """Return a duration in microseconds; none is 0."""
    return parse_duration(text) // _MICRO if text else 0


def delay_of(view: FeatureView, each: Aggregation) -> int:
    """Return how long ago a window ends, in microseconds."""
    return micros(each.delay or view.delay)


def longest_of(view: FeatureView) -> int:
    """Return how far back the view's windows reach, in microseconds."""
    return max(delay_of(view, each) + micros(each.window) for each in view.aggregations)


def shaped(view: FeatureView, source: str) -> str:
    """Return the statement of the view's rows."""
    if not view.sql:
        return f"SELECT * FROM {source}"
    named = "" if source == "source" else f"WITH source AS (SELECT * FROM {source}) "
    return f"{named}SELECT * FROM ({view.sql}\n)"


def between(view: FeatureView, since: int, until: int) -> str:
    """Return the condition that a row becomes known or leaves a window between two moments."""
    changes = [micros(view.delay)] if view.columns else []
    for each in view.aggregations:
        entering = delay_of(view, each)
        changes += [entering, entering + micros(each.window)]
    condition = " OR ".join(
        f"({AT} > {since - change} AND {AT} <= {until - change})" for change in sorted({*changes})
    )
    if view.created:
        condition += f" OR ({CREATED} > {since} AND {CREATED} <= {until})"
    return condition
