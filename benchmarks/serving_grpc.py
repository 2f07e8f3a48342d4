"""How many calls a second the model server answers over gRPC: one row, 1 and 64 callers.

The server is a process of its own, metrics and prediction log on; the callers are another.  Beside
it stands a server of the same library that answers every call with the same message, which is what
the library itself costs.  CPU seconds are the server's; calls per CPU second do not depend on what
else this machine is doing.
"""

import argparse
import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import msgspec
import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bucle.interfaces.predict.grpc_server.messages import messages
from bucle.lifecycle import registry, serving
from bucle.testing.houses import open_test_house

METHOD = "/inference.GRPCInferenceService/ModelInfer"
WIDTH = 5
TICKS = os.sysconf("SC_CLK_TCK")


def make_home(folder: Path) -> None:
    """Serve a logistic pipeline over five numbers as `logistic`."""
    values = np.random.default_rng(7).normal(size=(400, WIDTH))
    target = (values.sum(axis=1) > 0).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, target)
    table = pa.table({f"column_{place}": values[:, place] for place in range(WIDTH)})
    house = open_test_house(folder)
    session = house.session()
    log = registry.ModelLog(
        example=table, target="y", task="classification",
        evaluation=table.append_column("y", pa.array(target)),
    )  # fmt: skip
    version = registry.log_model(session, model, "logistic", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="logistic", model="logistic"))
        serving.serve_version(scope, "logistic", version.ref)
    serving.publish(session)
    house.close()


def request(*, raw: bool) -> bytes:
    """Return a call with one row: a matrix."""
    sent = messages()["ModelInferRequest"](model_name="logistic")
    one = sent.inputs.add(name="row", datatype="FP64", shape=[1, WIDTH])
    if raw:
        sent.raw_input_contents.append(np.arange(float(WIDTH)).tobytes())
    else:
        one.contents.fp64_contents.extend(np.arange(float(WIDTH)))
    return sent.SerializeToString()


async def call_for(port: int, sent: bytes, callers: int, seconds: float) -> int:
    """Call again and again; return how many calls were answered."""
    answered = 0
    until = time.monotonic() + seconds
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(METHOD)

        async def run() -> None:
            nonlocal answered
            while time.monotonic() < until:
                await call(sent)
                answered += 1

        await asyncio.gather(*(run() for _ in range(callers)))
    return answered


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(pid: int, port: int, sent: bytes, callers: int, seconds: float) -> dict[str, float]:
    """Return calls a second, and calls per CPU second of the server."""
    asyncio.run(call_for(port, sent, callers, 0.3))
    before, start = cpu_s(pid), time.monotonic()
    count = asyncio.run(call_for(port, sent, callers, seconds))
    spent, wall = cpu_s(pid) - before, time.monotonic() - start
    return {"per_s": round(count / wall), "per_cpu_s": round(count / max(spent, 1e-9))}


def bare(port: int) -> None:
    """Answer every call with the same message."""
    made = messages()
    said = made["ModelInferResponse"](model_name="logistic", id="a")
    said.outputs.add(name="prediction", datatype="INT64", shape=[1]).contents.int64_contents.append(
        1
    )

    async def answer(_: object, __: object) -> object:
        return said

    async def serve() -> None:
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            answer,
            made["ModelInferRequest"].FromString,
            lambda message: message.SerializeToString(),
        )
        name = "inference.GRPCInferenceService"
        handlers = grpc.method_handlers_generic_handler(name, {"ModelInfer": handler})
        server.add_generic_rpc_handlers((handlers,))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()

    asyncio.run(serve())


def main() -> None:
    """Print a line of JSON, and one for people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    seconds = 1.5 if parser.parse_args().quick else 8.0
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_home(home)
        http, ours, peer = _free(), _free(), _free()
        environ = {
            **os.environ, "BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(http),
            "BUCLE_PREDICT_GRPC_PORT": str(ours),
        }  # fmt: skip
        command = [sys.executable, "-m", "bucle.interfaces.predict"]
        server = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
        alone = multiprocessing.get_context("spawn").Process(target=bare, args=(peer,), daemon=True)
        alone.start()
        try:
            assert server.stdout is not None
            assert server.stdout.readline()
            time.sleep(2)
            for callers in (1, 64):
                for name, raw in (("typed", False), ("raw", True)):
                    found[f"{name}, {callers} callers"] = measure(
                        server.pid, ours, request(raw=raw), callers, seconds
                    )
                assert alone.pid is not None
                found[f"library alone, {callers} callers"] = measure(
                    alone.pid, peer, request(raw=False), callers, seconds
                )
        finally:
            server.terminate()
            server.wait()
            alone.terminate()
    print(msgspec.json.encode(found).decode())
    for name, figures in found.items():
        told = f"{figures['per_s']:,} calls/s, {figures['per_cpu_s']:,} per CPU second"
        print(f"{name:28} {told}", file=sys.stderr)


def _free() -> int:
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


if __name__ == "__main__":
    main()
