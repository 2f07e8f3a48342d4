# ruff: noqa: PT017 - these clients' environment has no pytest
"""`kserve.InferenceGRPCClient` against a model server: `python kserve_grpc.py host:port`."""

from cases import COLUMNS, run, same
from grpc import RpcError, StatusCode
from kserve import InferenceGRPCClient, InferInput, InferRequest


def request(*, raw: bool) -> InferRequest:
    inputs = []
    for name, (values, datatype) in COLUMNS.items():
        one = InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(values, binary_data=raw)
        inputs.append(one)
    return InferRequest("kinds", inputs, request_id="mine")


async def case_server_and_model_are_ready(url: str) -> None:
    async with InferenceGRPCClient(url) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("kinds")


async def case_typed_contents(url: str) -> None:
    await check(url, raw=False)


async def case_raw_contents(url: str) -> None:
    await check(url, raw=True)


async def check(url: str, *, raw: bool) -> None:
    async with InferenceGRPCClient(url) as client:
        said = await client.infer(request(raw=raw), timeout=20)
        found = {one.name: one.as_numpy() for one in said.outputs}
        same(found["prediction"], found["probability"].reshape(-1, 3))
        assert said.id == "mine"


async def case_a_mistake_is_said(url: str) -> None:
    async with InferenceGRPCClient(url) as client:
        sent = request(raw=True)
        sent.inputs = sent.inputs[:1]
        try:
            await client.infer(sent, timeout=20)
        except RpcError as error:
            assert error.code() == StatusCode.INVALID_ARGUMENT, error
            assert "'floors' is missing" in error.details()
        else:
            raise AssertionError


run(globals())
