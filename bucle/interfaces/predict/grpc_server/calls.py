"""What is answered to each call of the service: the same as over REST, from the same parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import msgspec

from bucle.base.version import __version__
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.codec import Answer, Call, check_wanted, describe
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.grpc_server.infer import decode_message, encode_message
from bucle.interfaces.predict.grpc_server.messages import Message, messages
from bucle.interfaces.predict.model_index import EXTENSIONS, ModelIndex, check_parameters
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Request
from bucle.interfaces.predict.routes.admin import Health
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.tickets import Outcome, Terms

# grpc ships no types; its context is asked for metadata, time and an end.
Context: TypeAlias = Message
Method: TypeAlias = Callable[[Message, Context], Awaitable[Message]]

SERVICE = "inference.GRPCInferenceService"
_WATCH_S = 1.0
_KNOWN_HEADERS = frozenset({"authorization", "bucle-routing-key", "origin"})


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What of a model server answers calls."""

    predictions: Predictions
    admission: Admission
    refusals: Refusals
    health: Health
    repository: ModelIndex
    message_bytes: int  # a larger request is refused


class Calls:
    """The methods of the service; used from the event loop's thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._messages = messages()

    async def live(self, _: Message, __: Context) -> Message:
        """Tell that the process is there."""
        return self._messages["ServerLiveResponse"](live=True)

    async def ready(self, _: Message, __: Context) -> Message:
        """Tell whether plans were read."""
        return self._messages["ServerReadyResponse"](ready=self._is_ready())

    async def model_ready(self, sent: Message, context: Context) -> Message:
        """Tell whether a deployment answers."""
        served = self._parts.admission.served(request_of(context, sent.name), sent.name)
        if sent.version and served.loaded:
            served.version(sent.version)
        return self._messages["ModelReadyResponse"](ready=bool(served.loaded))

    async def server_metadata(self, _: Message, __: Context) -> Message:
        """Describe the server."""
        kind = self._messages["ServerMetadataResponse"]
        return kind(name="bucle", version=__version__, extensions=EXTENSIONS)

    async def model_metadata(self, sent: Message, context: Context) -> Message:
        """Describe a deployment."""
        served = self._parts.admission.served(request_of(context, sent.name), sent.name)
        if sent.version:
            served.version(sent.version)
        engine = served.loaded[0].engine if served.loaded else None
        said = self._messages["ModelMetadataResponse"](
            name=served.name,
            versions=[str(one.variant.model.version) for one in served.loaded],
            platform=f"bucle_{engine.flavor}" if engine else "",
        )
        if engine:
            for tensor in describe(engine.inputs):
                said.inputs.add(**tensor)
            for tensor in describe(engine.outputs):
                said.outputs.add(**tensor)
        return said

    async def infer(self, sent: Message, context: Context) -> Message:
        """Predict."""
        parts, name = self._parts, sent.model_name
        request = request_of(context, name)
        version = sent.model_version or None
        served = parts.admission.served(request, name)
        # The variants of a deployment take the same columns: any of them reads the request.
        loaded = parts.predictions.variant(served, request.routing_key, version)
        call = decode_message(sent, loaded.engine.inputs)
        if call.routing_key and not request.routing_key:
            loaded = parts.predictions.variant(served, call.routing_key, version)
        check_wanted(call, loaded.engine.outputs)
        terms = Terms(version is not None, _timeout_s(call, context), sent.ByteSize())
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def tell(outcome: Outcome) -> None:
            if answered.done():
                return
            if isinstance(outcome, Answer):
                answered.set_result(outcome)
            else:
                answered.set_exception(outcome)

        ticket = parts.predictions.submit(served, loaded, call, tell, terms)
        try:
            answer = await answered
        except asyncio.CancelledError:  # the caller went away, or its deadline passed
            ticket.forget()
            raise
        make = self._messages["ModelInferResponse"]
        return encode_message(answer, call, served.name, loaded.engine.outputs, make)

    async def index(self, sent: Message, context: Context) -> Message:
        """List what there is."""
        self._parts.admission.anywhere(request_of(context, ""))
        said = self._messages["RepositoryIndexResponse"]()
        for entry in self._parts.repository.index(ready=sent.ready):
            said.models.add(**msgspec.structs.asdict(entry))
        return said

    async def load(self, sent: Message, context: Context) -> Message:
        """Answer for a deployment again."""
        await self._parts.repository.load(self._changeable(sent, context))
        return self._messages["RepositoryModelLoadResponse"]()

    async def unload(self, sent: Message, context: Context) -> Message:
        """Answer for a deployment no more."""
        await self._parts.repository.unload(self._changeable(sent, context))
        return self._messages["RepositoryModelUnloadResponse"]()

    async def check(self, sent: Message, _: Context) -> Message:
        """Tell a balancer (grpc.health.v1) whether calls are welcome."""
        return self._health(sent.service)

    async def watch(self, sent: Message, _: Context) -> AsyncIterator[Message]:
        """Tell it again whenever that changes."""
        before: Message = None
        while True:
            now = self._health(sent.service)
            if before is None or now != before:
                yield now
                before = now
            await asyncio.sleep(_WATCH_S)

    def _health(self, service: str) -> Message:
        said = self._messages["HealthCheckResponse"]()
        if service in {"", SERVICE}:
            said.status = 1 if self._is_ready() else 2
        else:
            said.status = 3
        return said

    def _is_ready(self) -> bool:
        return bool(self._parts.health.now()["ready"])

    def _changeable(self, sent: Message, context: Context) -> Served:
        check_parameters(sent.parameters)
        request = request_of(context, sent.model_name)
        return self._parts.admission.changeable(request, sent.model_name)


def request_of(context: Context, name: str) -> Request:
    """Return a call as the rules of the door know it: a path, and headers from its metadata."""
    headers: dict[bytes, bytes] = {}
    for key, value in context.invocation_metadata() or ():
        if key in _KNOWN_HEADERS:
            headers[key.encode()] = value.encode("latin-1") if isinstance(value, str) else value
    return Request("POST", f"/v2/models/{name}/infer", "", headers)


def _timeout_s(call: Call, context: Context) -> float:
    """Return how long the caller waits: the call's own deadline, or less if it says so."""
    left_s: float | None = context.time_remaining()
    if left_s is None or left_s <= 0:
        return call.timeout_s
    return min(left_s, call.timeout_s) if call.timeout_s else left_s
