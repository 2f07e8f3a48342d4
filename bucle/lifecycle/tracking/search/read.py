"""Find runs, and read them as MLflow's clients see them."""

from collections.abc import Sequence
from hashlib import sha256

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid, NotFound
from bucle.base.filters import OrderTerm, parse_filter, parse_order
from bucle.base.page import Page, decode_offset, encode_token
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import number_of
from bucle.lifecycle.tracking.inputs import RunInputs, inputs_of_runs
from bucle.lifecycle.tracking.search import store
from bucle.lifecycle.tracking.search.language import FILTER, ORDER
from bucle.lifecycle.tracking.search.records import RunHead, RunSearch, RunSheet, Wanted

_NOTHING = RunInputs()


def get_head(scope: Scope, ref: Ref) -> RunHead:
    """Return a run's own fields, of any stage.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_READ, ref)
    head = store.find_head(scope.tx, scope.project, ref.name)
    if head is None:
        raise NotFound(f"{ref} does not exist", hint="bucle tracking list")
    return head


def has_run(scope: Scope, ref: Ref) -> bool:
    """Tell whether there is a run, of any stage."""
    scope.require(Permission.RUN_READ, ref)
    return store.find_head(scope.tx, scope.project, ref.name) is not None


def get_sheet(scope: Scope, ref: Ref) -> RunSheet:
    """Return a run of any stage with all that it logged but points.

    Raises:
        NotFound: there is no such run.
    """
    return _sheets(scope, [get_head(scope, ref)])[0]


def search_runs(scope: Scope, search: RunSearch) -> Page[RunSheet]:
    """Find the runs that a search describes, in its order; ties go by start and id.

    Raises:
        Invalid: the filter, the order or the token can not be read, or an id is no number.
    """
    scope.require(Permission.RUN_READ)
    mark = _mark(search)
    offset = decode_offset(search.token, mark)
    wanted = Wanted(
        project=scope.project,
        experiments=tuple(number_of(id_) for id_ in search.experiments),
        stages=search.stages,
        conditions=parse_filter(search.filter, FILTER),
        order=_order(search.order_by),
    )
    heads = store.find_heads(scope.tx, wanted, offset, search.limit + 1)
    more = len(heads) > search.limit
    return Page(
        items=tuple(_sheets(scope, heads[: search.limit])),
        next_token=encode_token(mark, offset + search.limit) if more else None,
    )


def _sheets(scope: Scope, heads: Sequence[RunHead]) -> list[RunSheet]:
    ids = [head.id for head in heads]
    said = store.said_by(scope.tx, scope.project, ids)
    inputs = inputs_of_runs(scope, ids)
    return [
        RunSheet(
            head=head,
            params=said.params[head.id],
            tags=said.tags[head.id],
            metrics=said.metrics[head.id],
            inputs=inputs.get(head.id, _NOTHING),
        )
        for head in heads
    ]


def _order(terms: Sequence[str]) -> tuple[OrderTerm, ...]:
    order = [parse_order(term, ORDER) for term in terms]
    named = [(term.group, term.key) for term in order]
    if len(set(named)) < len(named):
        raise Invalid(f"the order names a field twice: {list(terms)}", hint="name it once")
    for key, descending in (("start_time", True), ("run_id", False)):
        if ("attribute", key) not in named:
            order.append(OrderTerm(group="attribute", key=key, descending=descending))
    return tuple(order)


def _mark(search: RunSearch) -> str:
    """Return what tells one search from another: a token leads on in its own only."""
    what = (search.experiments, search.filter, search.order_by, search.stages)
    return sha256(canonical_json(what)).hexdigest()[:12]
