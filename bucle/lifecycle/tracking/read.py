"""Read runs: one, many, their points, their files, and what differs between them."""

from datetime import datetime
from typing import Any

from bucle.base.codec import to_builtins
from bucle.base.errors import Invalid, NotFound
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import known_run
from bucle.lifecycle.tracking.artifacts import artifact_of
from bucle.lifecycle.tracking.files import list_files
from bucle.lifecycle.tracking.points import columns_of_series, summaries_of_run
from bucle.lifecycle.tracking.records import (
    Artifact,
    Comparison,
    Difference,
    MetricHistory,
    MetricSummary,
    Run,
    RunQuery,
)
from bucle.lifecycle.tracking.segments import history_of

_ORDERS = ("started_at", "ended_at", "name")
_MOST = 1000


def get_run(scope: Scope, ref: Ref) -> Run:
    """Return a run with its parameters, last metrics, tags, inputs and outputs.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_READ, ref)
    return known_run(scope, ref)


def find_run(scope: Scope, ref: Ref) -> Run | None:
    """Return a run, or None."""
    scope.require(Permission.RUN_READ, ref)
    return store.find_run(scope.tx, scope.project, ref.name)


def list_runs(scope: Scope, query: RunQuery = RunQuery()) -> Page[Run]:  # noqa: B008 - it is frozen
    """List runs, the newest first unless the query says otherwise.

    Raises:
        Invalid: an order that there is not, or a token of another listing.
    """
    scope.require(Permission.RUN_READ)
    order = _order(query.order_by)
    limit = max(1, min(query.limit, _MOST))
    named = ("experiment", "kind", "name", "status")
    chosen = {name: getattr(query, name) for name in named if getattr(query, name) is not None}
    if query.parent:
        chosen["parent"] = query.parent.name
    after = _place(query.token, order) if query.token else None
    found, last = store.list_runs(scope.tx, scope.project, chosen, order, limit, after)
    more = len(found) == limit and last is not None
    return Page(items=found, next_token=_token(last) if more and last else None)


def metric_history(scope: Scope, ref: Ref, name: str) -> MetricHistory:
    """Return every point of one series of a run.

    Raises:
        NotFound: there is no such run, or it has no such series; the hint names those it has.
    """
    scope.require(Permission.RUN_READ, ref)
    run = known_run(scope, ref)
    if name not in run.metrics:
        raise NotFound(
            f"{ref} has no metric {name!r}",
            hint=f"it has: {', '.join(run.metrics)}" if run.metrics else "it has none yet",
        )
    return history_of(name, columns_of_series(scope, ref.name, name))


def list_metrics(scope: Scope, ref: Ref) -> tuple[MetricSummary, ...]:
    """List the series of a run: last, least and greatest value and count of each.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_READ, ref)
    known_run(scope, ref)
    return summaries_of_run(scope, ref.name)


def list_artifacts(scope: Scope, ref: Ref) -> tuple[Artifact, ...]:
    """List the files that a run left, by path.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_READ, ref)
    known_run(scope, ref)
    return tuple(artifact_of(file) for file in list_files(scope, ref))


def compare(scope: Scope, refs: tuple[Ref, ...]) -> Comparison:
    """Put runs side by side: parameters, metrics, code, environment, seeds, inputs, usage.

    Raises:
        Invalid: fewer than two runs.
        NotFound: one of them does not exist.
    """
    scope.require(Permission.RUN_READ)
    if len(refs) < 2:  # noqa: PLR2004 - one run differs from nothing
        raise Invalid("a comparison needs two runs or more", hint="name another run")
    sides = [_facts(known_run(scope, ref)) for ref in refs]
    names = sorted({name for side in sides for name in side})
    differences: list[Difference] = []
    shared: dict[str, Any] = {}
    for name in names:
        values = tuple(side.get(name) for side in sides)
        if all(value == values[0] for value in values):
            shared[name] = values[0]
        else:
            differences.append(Difference(what=name, values=values))
    return Comparison(runs=refs, differences=tuple(differences), shared=shared)


def _facts(run: Run) -> dict[str, Any]:
    """Return what runs can differ in, as flat names."""
    plain = to_builtins(run)
    facts = {name: plain[name] for name in ("name", "kind", "experiment", "status", "environment")}
    for group in ("params", "metrics", "tags", "seeds", "code", "usage"):
        facts |= {f"{group}.{name}": value for name, value in (plain[group] or {}).items()}
    facts["inputs"] = sorted(plain["inputs"])
    if run.host:
        facts["host"] = run.host.name
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def _order(text: str) -> store.Order:
    by = text.removeprefix("-")
    metric = by.removeprefix("metrics.") if by.startswith("metrics.") else None
    if metric is None and by not in _ORDERS:
        raise Invalid(
            f"runs can not be ordered by {by!r}",
            hint=f"{', '.join(_ORDERS)} or metrics.<name>, with a minus for the largest first",
        )
    return store.Order(by=by, metric=metric, largest_first=text.startswith("-"))


def _token(place: tuple[Any, str]) -> str:
    value, id_ = place
    if isinstance(value, datetime):
        value = value.isoformat()
    return encode_token("" if value is None else value, 0 if value is None else 1, id_)


def _place(token: str, order: store.Order) -> tuple[Any, str]:
    kind = float if order.metric is not None else str
    value, there, id_ = decode_token(token, kind | str, int, str)  # type: ignore[arg-type]
    if not there:
        return None, str(id_)
    if order.metric is None and order.by != "name":
        value = datetime.fromisoformat(str(value))
    return value, str(id_)
