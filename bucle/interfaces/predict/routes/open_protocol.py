"""The Open Inference Protocol, version 2, over REST, under `/v2`."""

from bucle.base.version import __version__
from bucle.interfaces.predict.codec import check_wanted, decode_infer, encode_infer
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Request, json_reply
from bucle.interfaces.predict.routes.admin import Health
from bucle.interfaces.predict.routes.asking import telling, terms_of
from bucle.interfaces.predict.serve import Predictions, metadata_of
from bucle.interfaces.predict.watch import PlanWatcher


class OpenProtocol:
    """Handlers of `/v2`."""

    def __init__(
        self,
        *,
        predictions: Predictions,
        watcher: PlanWatcher,
        admission: Admission,
        refusals: Refusals,
        health: Health,
    ) -> None:
        self._predictions = predictions
        self._watcher = watcher
        self._admission = admission
        self._refusals = refusals
        self._health = health

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        if not request.is_v2:
            return None
        match (request.method, *request.segments[1:]):
            case ("POST", "models", name, "infer"):
                return lambda asked, done: self._infer(asked, done, name, None)
            case ("POST", "models", name, "versions", version, "infer"):
                return lambda asked, done: self._infer(asked, done, name, version)
            case ("GET" | "HEAD", *rest):
                return self._find_shown(rest)
        return None

    def _find_shown(self, rest: list[str]) -> Handler | None:
        match rest:
            case []:
                about = {"name": "bucle", "version": __version__, "extensions": []}
                return lambda _, done: done(json_reply(200, about))
            case ["health", "live"]:
                return lambda _, done: done(json_reply(200, {"live": True}))
            case ["health", "ready"]:
                return self._ready
            case ["models", name] | ["models", name, "versions", _]:
                version = rest[3] if rest[3:] else None
                return lambda asked, done: self._metadata(asked, done, name, version)
            case ["models", name, "ready"] | ["models", name, "versions", _, "ready"]:
                version = rest[3] if rest[3:] else None
                return lambda asked, done: self._model_ready(asked, done, name, version)
        return None

    def _ready(self, _: Request, done: Done) -> None:
        health = self._health.now()
        done(json_reply(200 if health["ready"] else 503, health))

    def _metadata(self, request: Request, done: Done, name: str, version: str | None) -> None:
        served = self._admission.served(request, name)
        if version is not None:
            served.version(version)
        done(json_reply(200, metadata_of(self._watcher.board, served)))

    def _model_ready(self, request: Request, done: Done, name: str, version: str | None) -> None:
        served = self._admission.served(request, name)
        if version is not None:
            served.version(version)
        ready = bool(served.loaded)
        done(json_reply(200 if ready else 503, {"name": name, "ready": ready}))

    def _infer(self, request: Request, done: Done, name: str, version: str | None) -> None:
        served = self._admission.served(request, name)
        # The variants of a deployment take the same columns: any of them reads the request.
        loaded = self._predictions.variant(served, request.routing_key, version)
        call = decode_infer(request.body, request.headers, loaded.engine.inputs)
        if call.routing_key and not request.routing_key:
            loaded = self._predictions.variant(served, call.routing_key, version)

        fields = loaded.engine.outputs
        if call.wanted:
            check_wanted(call, fields)
        told = telling(
            self._refusals,
            request,
            done,
            lambda answer: encode_infer(answer, call, served.name, fields),
        )
        terms = terms_of(request, call.timeout_s, pinned=version is not None)
        self._predictions.submit(served, loaded, call, told, terms)
