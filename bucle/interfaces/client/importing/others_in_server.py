"""What a server of MLflow holds beside what an import carries, as far as it lists it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from bucle.interfaces.client.importing.ask import Server
from bucle.interfaces.client.importing.records import FoundOther
from bucle.interfaces.client.importing.source import Unreadable

_V2 = "/api/2.0/mlflow"
_V3 = "/api/3.0/mlflow"
# What people call them, how to ask, where the answer has them, and what names one.
_Listing = tuple[str, str, str, str, str]
_ALL: tuple[_Listing, ...] = (
    ("evaluation sets", "POST", f"{_V3}/datasets/search", "datasets", "name"),
    ("webhooks", "GET", f"{_V2}/webhooks", "webhooks", "name"),
    ("gateway endpoints", "GET", f"{_V3}/gateway/endpoints/list", "endpoints", "name"),
    ("gateway models", "GET", f"{_V3}/gateway/model-definitions/list", "model_definitions", "name"),
    ("gateway secrets", "GET", f"{_V3}/gateway/secrets/list", "secrets", "secret_name"),
    ("gateway guardrails", "GET", f"{_V3}/gateway/guardrails/list", "guardrails", "name"),
    ("gateway budgets", "GET", f"{_V3}/gateway/budgets/list", "budget_policies",
     "budget_policy_id"),
)  # fmt: skip
# Not label schemas and review queues: to be asked for them makes the server write its own.
_OF_EXPERIMENTS: tuple[_Listing, ...] = (
    ("scorers", "GET", f"{_V3}/scorers/list", "scorers", "scorer_name"),
    ("issues", "POST", f"{_V3}/issues/search", "issues", "name"),
)


def others_at(server: Server, experiments: Sequence[str]) -> Iterator[FoundOther]:
    """Yield what the server lists and no import carries.

    A server that has no such call holds no such things; one that refuses it is told as well.
    """
    for listing in _ALL:
        yield from _counted(server, listing, ({},))
    for listing in _OF_EXPERIMENTS:
        yield from _counted(server, listing, [{"experiment_id": one} for one in experiments])


def _counted(
    server: Server, listing: _Listing, asked: Sequence[dict[str, Any]]
) -> Iterator[FoundOther]:
    kind, method, path, items, by = listing
    names: Counter[str] = Counter()
    try:
        for fields in asked:
            names.update(
                str(one.get(by, "")) for one in server.pages(method, path, items, **fields)
            )
    except Unreadable as error:
        if not error.is_absent:
            yield FoundOther(kind=kind, name="", detail=error.message)
    for name, count in sorted(names.items()):
        yield FoundOther(kind=kind, name=name, count=count)
