"""Why a model says it: `POST /explain/<deployment>`, with the rows that `/predict` takes."""

import random
from typing import Any
from urllib.parse import parse_qsl

from bucle.base.errors import Invalid
from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.explanations import Explanations, row_of, top_of, wish_of
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Reply, Request, json_reply
from bucle.interfaces.predict.routes.plain import decode_rows
from bucle.lifecycle.registry import Explanation

QUERY = ("calls", "class", "top", "version")


class ExplainRoutes:
    """Handlers of explanations."""

    def __init__(
        self, *, explanations: Explanations, admission: Admission, refusals: Refusals
    ) -> None:
        self._explanations = explanations
        self._admission = admission
        self._refusals = refusals

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        match (request.method, *request.segments):
            case ("POST", "explain", name):
                return lambda asked, done: self._explain(asked, done, name)
        return None

    def _explain(self, request: Request, done: Done, name: str) -> None:
        served = self._admission.served(request, name)

        async def explain() -> Reply:
            asked = _query(request.query)
            call = decode_rows(request, served)
            # The champion is explained, whoever may answer: explanations are no traffic.
            loaded = served.version(asked["version"]) if "version" in asked else _champion(served)
            wish = wish_of(asked, loaded.engine.predictor.manifest.classes)
            top = top_of(asked)
            found = await self._explanations.explain(served, loaded, call, wish)
            return json_reply(200, _told(served, loaded, found, top))

        self._refusals.start(request, done, explain())


def _champion(served: Served) -> Loaded:
    if served.loaded:
        return served.loaded[0]
    return served.choose("", random.Random())  # noqa: S311 - it says that nothing is served, and why


def _told(served: Served, loaded: Loaded, found: Explanation, top: int) -> dict[str, Any]:
    return {
        "deployment": served.told,
        "model": loaded.told,
        "variant": loaded.variant.role,
        "method": found.method,
        "space": found.space,
        "reference_rows": found.reference_rows,
        "calls": found.calls,
        "rows": [row_of(found, place, top) for place in range(len(found.outputs))],
    }


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise Invalid(f"the query is not understood: {error}", hint="?top=5") from error
    asked = dict(pairs)
    if unknown := sorted(set(asked) - set(QUERY)):
        raise Invalid(
            f"{unknown[0]!r} means nothing here", hint=f"?top=5 ({', '.join(QUERY)} are known)"
        )
    return asked
