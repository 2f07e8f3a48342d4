# ruff: noqa: PT017 - these clients' environment has no pytest
"""`tritonclient.grpc` against a model server: `python triton_grpc.py host:port`."""

import queue

import tritonclient.grpc as triton
from cases import COLUMNS, PREDICTION, run, same
from tritonclient.utils import InferenceServerException


def inputs() -> list[triton.InferInput]:
    made = []
    for name, (values, datatype) in COLUMNS.items():
        one = triton.InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(values)
        made.append(one)
    return made


def case_server_and_model_are_described(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("kinds", "1")
        assert client.get_server_metadata().name == "bucle"
        model = client.get_model_metadata("kinds")
        assert list(model.versions) == ["1"]
        assert [one.name for one in model.inputs] == list(COLUMNS)


def case_every_type_goes_there_and_back(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        said = client.infer("kinds", inputs(), request_id="mine", timeout=5_000_000)
        same(said.as_numpy("prediction"), said.as_numpy("probability"))
        assert said.get_response().id == "mine"


def case_compressed(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        said = client.infer("kinds", inputs(), compression_algorithm="gzip", client_timeout=10)
        same(said.as_numpy("prediction"), said.as_numpy("probability"))


def case_one_output_is_asked_for(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        wanted = [triton.InferRequestedOutput("prediction")]
        said = client.infer("kinds", inputs(), outputs=wanted, model_version="1")
        assert said.as_numpy("probability") is None
        assert (said.as_numpy("prediction") == PREDICTION).all()


def case_a_stream(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        found: queue.Queue[object] = queue.Queue()
        client.start_stream(lambda result, error: found.put(error or result))
        for _ in range(3):
            client.async_stream_infer("kinds", inputs())
        for _ in range(3):
            said = found.get(timeout=20)
            assert isinstance(said, triton.InferResult), said
            same(said.as_numpy("prediction"), said.as_numpy("probability"))
        client.stop_stream()


def case_mistakes_are_said(url: str) -> None:
    with triton.InferenceServerClient(url) as client:
        for name, sent, status, told in (
            ("nobody", inputs(), "StatusCode.NOT_FOUND", "no deployment 'nobody'"),
            ("kinds", inputs()[:1], "StatusCode.INVALID_ARGUMENT", "'floors' is missing"),
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
        (kinds,) = client.get_model_repository_index().models
        assert (kinds.name, kinds.version, kinds.state) == ("kinds", "1", "READY")
        client.unload_model("kinds")
        assert not client.is_model_ready("kinds")
        client.load_model("kinds")
        assert client.is_model_ready("kinds")


run(globals())
