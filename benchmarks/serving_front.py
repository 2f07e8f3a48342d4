"""HTTP alone: the model server's front before a constant reply, beside the least that can be.

    python benchmarks/serving_front.py [--quick]

The least is an asyncio.Protocol of a dozen lines on httptools and uvloop: it reads no header,
has no limit and no time-out, and does not know HTTP/1.0 nor pipelining.  Both get the same
requests (one row, JSON) from wrk on the other core.  The front is asked twice: with heads that
are the same again and again, as clients send them that keep a connection, and with heads that
are all different (a request id), which it has to read each time.  The ASGI front on uvicorn
stands beside it.
"""

import asyncio
import sys
from pathlib import Path

from report import Figure, arguments, tell
from support.serving import Ask, Load, free_port, load, pinned

ROOT = Path(__file__).resolve().parents[1]
BODY = b'{"inputs":[{"name":"x","shape":[1,5],"datatype":"FP64","data":[1.5,2.5,3.5,4.5,5.5]}]}'
SAID = b'{"model_name":"m","outputs":[{"name":"y","shape":[1],"datatype":"FP64","data":[0.5]}]}'
ASK = Ask(path="/v2/models/m/infer", body=BODY)


def main() -> None:
    """Run each server under the same load."""
    parser = arguments(__doc__)
    parser.add_argument("--serve", choices=["bare", "front", "asgi"], help="for itself")
    parser.add_argument("--port", type=int)
    asked = parser.parse_args()
    if asked.serve:
        SERVERS[asked.serve](asked.port)
        return
    seconds = 3 if asked.quick else 10
    for connections in (64, 1):
        found = {
            "bare": measured("bare", ASK, connections, seconds),
            "front": measured("front", ASK, connections, seconds),
            "front, all heads differ": measured(
                "front", Ask(path=ASK.path, body=BODY, numbered=4000), connections, seconds
            ),
            "asgi": measured("asgi", ASK, connections, seconds),
        }
        tell(Figure(
            benchmark=f"HTTP alone, {connections} connections", ours=found["front"].per_cpu_s,
            beside=found["bare"].per_cpu_s, against="a bare handler",
            unit="answers per CPU second",
            details={name: one.as_dict() for name, one in found.items()},
        ))  # fmt: skip


def measured(name: str, ask: Ask, connections: int, seconds: float) -> Load:
    """Run one of the servers under load."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", name, "--port", str(port)]
    with pinned(command, port) as process:
        return load(process.pid, port, ask, connections=connections, seconds=seconds)


def serve_bare(port: int) -> None:
    """Serve by the least that can be."""
    import httptools
    import uvloop

    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    answer %= (len(SAID), SAID)

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = transport
            self._parser = httptools.HttpRequestParser(self)

        def data_received(self, data: bytes) -> None:
            self._parser.feed_data(data)

        def on_url(self, url: bytes) -> None:
            self.url = url

        def on_body(self, body: bytes) -> None:
            self.body = body

        def on_message_complete(self) -> None:
            self._transport.write(answer)  # type: ignore[attr-defined]

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(serve())


class Constant:
    """A door that says the same to everybody."""

    def __init__(self) -> None:
        from bucle.interfaces.predict.requests import Limits, Reply

        self.limits = Limits()
        self._reply = Reply(200, SAID)

    def answer(self, _: object, done: object) -> None:
        """Say it."""
        done(self._reply)  # type: ignore[operator]

    def before_body(self, _: object) -> None:
        """Nothing is refused."""

    def refuse(self, *_: object) -> object:
        """Say the same."""
        return self._reply


async def live(receive: object, send: object) -> None:
    """Start and stop nothing."""
    await receive()  # type: ignore[operator]
    await send({"type": "lifespan.startup.complete"})  # type: ignore[operator]
    await receive()  # type: ignore[operator]
    await send({"type": "lifespan.shutdown.complete"})  # type: ignore[operator]


def serve_front(port: int) -> None:
    """Serve by the protocol class."""
    from bucle.interfaces.predict.fronts.running import serve_http1
    from bucle.interfaces.predict.fronts.sockets import listen_tcp

    serve_http1(Constant(), sockets=[listen_tcp("127.0.0.1", port)], lifespan=live,
                on_ready=print)  # type: ignore[arg-type]  # fmt: skip


def serve_asgi(port: int) -> None:
    """Serve by the ASGI front."""
    from bucle.interfaces.http.server import run_asgi
    from bucle.interfaces.predict.fronts.asgi import AsgiFront

    run_asgi(AsgiFront(Constant(), live), host="127.0.0.1", port=port, on_ready=print)  # type: ignore[arg-type]


SERVERS = {"bare": serve_bare, "front": serve_front, "asgi": serve_asgi}

if __name__ == "__main__":
    main()
