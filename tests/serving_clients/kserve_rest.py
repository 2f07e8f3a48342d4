# ruff: noqa: PT017 - these clients' environment has no pytest
"""`kserve.InferenceRESTClient` against a model server: `python kserve_rest.py host:port`."""

import httpx
from cases import COLUMNS, run, same
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig


def client() -> InferenceRESTClient:
    return InferenceRESTClient(RESTConfig(protocol="v2", retries=1))


def request(*, binary: bool) -> InferRequest:
    inputs = []
    for name, (values, datatype) in COLUMNS.items():
        one = InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(values, binary_data=binary)
        inputs.append(one)
    more = {"parameters": {"binary_data_output": True}} if binary else {}
    return InferRequest("kinds", inputs, request_id="mine", **more)


async def case_server_and_model_are_ready(url: str) -> None:
    asking = client()
    assert await asking.is_server_live(f"http://{url}")
    assert await asking.is_server_ready(f"http://{url}")
    assert await asking.is_model_ready(f"http://{url}", "kinds")
    await asking.close()


async def case_json_there_and_back(url: str) -> None:
    await check(url, binary=False)


async def case_bytes_there_and_back(url: str) -> None:
    await check(url, binary=True)


async def check(url: str, *, binary: bool) -> None:
    asking = client()
    said = await asking.infer(f"http://{url}", request(binary=binary), model_name="kinds")
    found = {one.name: one.as_numpy() for one in said.outputs}
    same(found["prediction"], found["probability"].reshape(-1, 3))
    assert said.id == "mine"
    await asking.close()


async def case_a_mistake_is_said(url: str) -> None:
    asking = client()
    sent = request(binary=False)
    sent.inputs = sent.inputs[:1]
    try:
        await asking.infer(f"http://{url}", sent, model_name="kinds")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400, error
        assert "'floors' is missing" in error.response.json()["error"]
    else:
        raise AssertionError
    await asking.close()


run(globals())
