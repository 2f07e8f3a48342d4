# ruff: noqa: PT017 - these clients' environment has no pytest
"""`tritonclient.http` against a model server: `python triton_http.py host:port`."""

import tritonclient.http as triton
from cases import COLUMNS, PREDICTION, run, same
from tritonclient.utils import InferenceServerException


def inputs(*, binary: bool) -> list[triton.InferInput]:
    made = []
    for name, (values, datatype) in COLUMNS.items():
        one = triton.InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(values, binary_data=binary)
        made.append(one)
    return made


def outputs(*, binary: bool) -> list[triton.InferRequestedOutput]:
    names = ("prediction", "probability")
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def check(url: str, *, sent: bool, back: bool, **more: object) -> triton.InferResult:
    with triton.InferenceServerClient(url) as client:
        said = client.infer(
            "kinds", inputs(binary=sent), outputs=outputs(binary=back), request_id="mine", **more
        )
        same(said.as_numpy("prediction"), said.as_numpy("probability"))
        assert said.get_response()["id"] == "mine"
        return said


def case_server_and_model_are_described(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("kinds")
        assert client.is_model_ready("kinds", "1")
        assert not client.is_model_ready("nobody")
        about = client.get_server_metadata()
        assert about["name"] == "bucle"
        assert "binary_tensor_data" in about["extensions"]
        model = client.get_model_metadata("kinds")
        assert model["versions"] == ["1"]
        assert {one["name"]: one["datatype"] for one in model["inputs"]} == {
            name: datatype for name, (_, datatype) in COLUMNS.items()
        }


def case_json_there_and_back(url: str) -> None:
    check(url, sent=False, back=False)


def case_bytes_there_and_back(url: str) -> None:
    said = check(url, sent=True, back=True)
    assert said.get_output("probability")["parameters"]["binary_data_size"] == 20 * 3 * 8


def case_json_there_and_bytes_back(url: str) -> None:
    check(url, sent=False, back=True)


def case_bytes_there_and_json_back(url: str) -> None:
    check(url, sent=True, back=False)


def case_compressed_there_and_back(url: str) -> None:
    for coding in ("gzip", "deflate"):
        for binary in (False, True):
            check(
                url,
                sent=binary,
                back=binary,
                request_compression_algorithm=coding,
                response_compression_algorithm=coding,
            )


def case_all_outputs_come_where_none_is_asked_for(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        said = client.infer("kinds", inputs(binary=True), model_version="1", timeout=5_000_000)
        same(said.as_numpy("prediction"), said.as_numpy("probability"))


def case_one_output_is_asked_for(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        wanted = outputs(binary=True)[:1]
        said = client.infer("kinds", inputs(binary=True), outputs=wanted)
        assert said.as_numpy("probability") is None
        assert (said.as_numpy("prediction") == PREDICTION).all()


def case_many_are_asked_at_once(url: str) -> None:
    with triton.InferenceServerClient(url, concurrency=8) as client:
        asked = [client.async_infer("kinds", inputs(binary=True)) for _ in range(40)]
        for one in asked:
            said = one.get_result()
            same(said.as_numpy("prediction"), said.as_numpy("probability"))


def case_mistakes_are_said(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        for name, sent, status, told in (
            ("nobody", inputs(binary=True), "404", "no deployment 'nobody'"),
            ("kinds", inputs(binary=True)[:1], "400", "'floors' is missing"),
        ):
            try:
                client.infer(name, sent)
            except InferenceServerException as error:
                assert error.status() == status, error
                assert told in error.message(), error
            else:
                raise AssertionError(name)


def case_the_repository_is_listed_and_changed(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        (kinds,) = client.get_model_repository_index()
        assert (kinds["name"], kinds["version"], kinds["state"]) == ("kinds", "1", "READY")
        client.unload_model("kinds")
        assert not client.is_model_ready("kinds")
        assert client.is_server_ready()
        (kinds,) = client.get_model_repository_index()
        assert kinds["state"] == "UNAVAILABLE"
        client.load_model("kinds")
        assert client.is_model_ready("kinds")
    check(url, sent=True, back=True)


run(globals())
