"""The Open Inference Protocol, version 2, over REST, under `/v2`."""

from bucle.base.version import __version__
from bucle.interfaces.predict.codec import check_wanted, decode_infer, encode_infer
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.model_index import EXTENSIONS, ModelIndex, check_change, read_asked
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Reply, Request, json_reply
from bucle.interfaces.predict.routes.admin import Health
from bucle.interfaces.predict.routes.asking import telling, terms_of
from bucle.interfaces.predict.serve import Predictions, metadata_of
from bucle.interfaces.predict.watch import PlanWatcher

ABOUT = {"name": "bucle", "version": __version__, "extensions": EXTENSIONS}


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
        repository: ModelIndex,
    ) -> None:
        self._predictions = predictions
        self._watcher = watcher
        self._admission = admission
        self._refusals = refusals
        self._health = health
        self._repository = repository

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        if not request.is_v2:
            return None
        method, rest = request.method, list(request.segments[1:])
        if method == "POST":
            return self._find_done(rest)
        return self._find_shown(rest) if method in {"GET", "HEAD"} else None

    def _find_done(self, rest: list[str]) -> Handler | None:
        match rest:
            case ["models", name, "infer"]:
                return lambda asked, done: self._infer(asked, done, name, None)
            case ["models", name, "versions", version, "infer"]:
                return lambda asked, done: self._infer(asked, done, name, version)
            case ["repository", "index"]:
                return self._index
            case ["repository", "models", name, "load" | "unload" as verb]:
                return lambda asked, done: self._change(asked, done, name, off=verb == "unload")
        return None

    def _find_shown(self, rest: list[str]) -> Handler | None:
        match rest:
            case []:
                return lambda _, done: done(json_reply(200, ABOUT))
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

    def _index(self, request: Request, done: Done) -> None:
        self._admission.anywhere(request)
        asked = read_asked(request.body)
        done(json_reply(200, self._repository.index(ready=asked.ready)))

    def _change(self, request: Request, done: Done, name: str, *, off: bool) -> None:
        served = self._admission.changeable(request, name)
        check_change(request.body)

        async def change() -> Reply:
            await (self._repository.unload(served) if off else self._repository.load(served))
            return json_reply(200, {})

        self._refusals.start(request, done, change())

    def _infer(self, request: Request, done: Done, name: str, version: str | None) -> None:
        served = self._admission.served(request, name)
        # The variants of a deployment take the same columns: any of them reads the request.
        loaded = self._predictions.variant(served, request.routing_key, version)
        self._predictions.refuse_if_full(served, loaded)
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
        request.forget = self._predictions.submit(served, loaded, call, told, terms).forget
