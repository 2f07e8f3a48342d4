"""Propose a contract, accept it for each side, turn it down, end it.

Who is the producer speaks for the producer; who may `contract:accept` speaks for the project.  An
owner may speak for a producer that never signs in, such as another company's feed; the audit says
who it was.
"""

import msgspec

from bucle.base.errors import Denied, Invalid, NotFound
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.tasks.change import check_receiver, close_cause, open_task
from bucle.governance.tasks.read import receivers_of
from bucle.governance.tasks.records import NewTask
from bucle.lifecycle.data.catalog.read import require_dataset
from bucle.lifecycle.data.contracts import store
from bucle.lifecycle.data.contracts.records import BREACHES, Contract, Offer, Side, cause_of
from bucle.lifecycle.data.contracts.terms import (
    change_between,
    check_terms,
    effective_from,
    next_version,
)
from bucle.lifecycle.data.expected import check_expectation

_PROJECT = "role:engineer"  # who is asked to accept for the project


def propose_contract(scope: Scope, offer: Offer) -> Contract:
    """Propose a contract about a dataset; who proposes has accepted for his side.

    One that was proposed before and not accepted by both is withdrawn by it.

    Raises:
        NotFound: there is no such dataset.
        Invalid: its terms promise nothing, or the producer is nobody.
        Refused: the version hides what it takes away.
        Denied: the actor is of neither side.
    """
    dataset = Ref("dataset", check_name(offer.dataset))
    scope.require(Permission.DATASET_WRITE, dataset)
    require_dataset(scope, dataset.name)
    check_receiver(offer.producer)
    check_terms(offer.terms)
    for each in offer.terms.expectations:
        check_expectation(each)
    side = _side(scope, offer.producer, "")
    store.lock(scope.tx, scope.project, dataset.name)
    if open_ := store.find_proposed(scope.tx, scope.project, dataset.name):
        _settle(scope, open_, "withdrawn", "another was proposed")
    before = _newest(scope, dataset.name)
    level = change_between(before.terms, offer.terms) if before else ""
    number = store.next_number(scope.tx, scope.project, dataset.name)
    made = Contract(
        ref=Ref("contract", dataset.name, number),
        dataset=dataset,
        number=number,
        version=next_version(before.version if before else "", level, offer.version),
        change=level,
        producer=offer.producer,
        terms=offer.terms,
        note=offer.note,
        state="proposed",
        proposed_at=scope.now,
        proposed_by=scope.actor.name,
        producer_by=scope.actor.name if side == "producer" else "",
        project_by=scope.actor.name if side == "project" else "",
    )
    store.add(scope.tx, scope.project, made)
    scope.record(
        "contract.proposed", made.ref, version=made.version, change=level, producer=made.producer,
        terms=made.terms, side=side,
    )  # fmt: skip
    other = _PROJECT if side == "producer" else made.producer
    open_task(scope, _to_accept(made, other))
    return made


def accept_contract(scope: Scope, name: str, *, side: Side | None = None) -> Contract:
    """Accept what is proposed for one's side; once both have, it takes force.

    What takes something away takes force when the notice of the contract before it is over.

    Raises:
        NotFound: nothing is proposed.
        Denied: the actor is not of the side that has not accepted.
    """
    scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(name)))
    store.lock(scope.tx, scope.project, name)
    found = _proposed(scope, name)
    missing: Side = "project" if found.producer_by else "producer"
    speaks = _side(scope, found.producer, side or missing)
    who = {f"{speaks}_by": scope.actor.name}
    accepted = msgspec.structs.replace(found, **who)
    if accepted.producer_by and accepted.project_by:
        before = store.find_in_force(scope.tx, scope.project, name, scope.now)
        at = effective_from(
            before.terms if before else None, found.change, proposed_at=found.proposed_at,
            now=scope.now,
        )  # fmt: skip
        accepted = msgspec.structs.replace(accepted, state="accepted", effective_at=at)
        close_cause(scope, cause_of(found, "proposed"), reason=f"{found.ref} was accepted by both")
    store.replace(scope.tx, scope.project, accepted)
    scope.record(
        "contract.accepted", found.ref, side=speaks, version=found.version,
        effective_at=accepted.effective_at,
    )  # fmt: skip
    return accepted


def reject_contract(scope: Scope, name: str, *, reason: str) -> Contract:
    """Turn down what is proposed; what is in force stays so.

    Raises:
        NotFound: nothing is proposed.
        Denied: the actor is of neither side.
        Invalid: no reason is given.
    """
    scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(name)))
    store.lock(scope.tx, scope.project, name)
    found = _proposed(scope, name)
    _side(scope, found.producer, "")
    _require_reason(reason)
    done = _settle(scope, found, "rejected", reason)
    scope.record("contract.rejected", found.ref, reason=reason, version=found.version)
    return done


def end_contract(scope: Scope, name: str, *, reason: str) -> Contract:
    """End what is in force: nothing is judged by it any more, and its tasks are closed.

    Raises:
        NotFound: nothing is in force.
        Denied: the actor does not speak for the project.
        Invalid: no reason is given.
    """
    scope.require(Permission.CONTRACT_ACCEPT, Ref("dataset", check_name(name)))
    store.lock(scope.tx, scope.project, name)
    found = store.find_in_force(scope.tx, scope.project, name, scope.now)
    if found is None:
        raise NotFound(
            f"dataset:{name} has no contract in force", hint=f"bucle data contract {name}"
        )
    _require_reason(reason)
    # Of those before it none may come back into force.
    token, more = None, True
    while more:
        page = store.list_all(scope.tx, scope.project, dataset=name, limit=500, token=token)
        for each in page.items:
            if each.state == "accepted":
                ended = msgspec.structs.replace(each, state="ended", reason=reason)
                store.replace(scope.tx, scope.project, ended)
        token, more = page.next_token, page.next_token is not None
    for breach in BREACHES:
        close_cause(scope, cause_of(found, breach), reason=f"{found.ref} was ended: {reason}")
    scope.record("contract.ended", found.ref, reason=reason, version=found.version)
    return msgspec.structs.replace(found, state="ended", reason=reason)


def _side(scope: Scope, producer: str, wanted: Side | str) -> Side:
    """Return the side for which the actor speaks.

    Raises:
        Denied: he speaks for neither, or not for the one that is wanted.
    """
    is_theirs = producer in receivers_of(scope)
    may_accept = scope.actor.may(Permission.CONTRACT_ACCEPT, scope.project)
    owns = scope.actor.may(Permission.ACCESS_MANAGE, scope.project)
    if wanted in {"", "producer"} and is_theirs:
        return "producer"
    if wanted in {"", "project"} and may_accept:
        return "project"
    if wanted == "producer" and owns:
        return "producer"
    side = wanted or "either side"
    raise Denied(
        f"{scope.actor.name!r} does not speak for {side} of this contract",
        hint=f"the producer is {producer}; for the project speaks who may contract:accept",
    )


def _newest(scope: Scope, name: str) -> Contract | None:
    """Return the contract that a new one changes: what comes, or else what is in force."""
    coming = store.find_coming(scope.tx, scope.project, name, scope.now)
    return coming or store.find_in_force(scope.tx, scope.project, name, scope.now)


def _proposed(scope: Scope, name: str) -> Contract:
    if found := store.find_proposed(scope.tx, scope.project, name):
        return found
    raise NotFound(
        f"no contract about dataset:{name} waits to be accepted",
        hint=f"bucle data propose-contract {name} --producer ...",
    )


def _settle(scope: Scope, found: Contract, state: str, reason: str) -> Contract:
    done = msgspec.structs.replace(found, state=state, reason=reason)
    store.replace(scope.tx, scope.project, done)
    close_cause(scope, cause_of(found, "proposed"), reason=f"{found.ref} was {state}: {reason}")
    return done


def _to_accept(made: Contract, receiver: str) -> NewTask:
    return NewTask(
        kind="contract.proposed",
        about=made.dataset,
        receiver=receiver,
        why=f"{made.proposed_by} proposes a contract about {made.dataset}, version {made.version}",
        todo=f"bucle data contract {made.dataset.name}, then accept-contract or reject-contract",
        cause=cause_of(made, "proposed"),
    )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("no reason is given", hint="--reason '...'")
