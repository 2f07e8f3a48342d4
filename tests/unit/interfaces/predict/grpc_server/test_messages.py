from google.protobuf import descriptor_pb2

from bucle.interfaces.predict.grpc_server.generate import TARGET, described
from bucle.interfaces.predict.grpc_server.messages import messages


def test_the_description_is_that_of_the_messages() -> None:
    read = descriptor_pb2.FileDescriptorSet.FromString
    assert read(TARGET.read_bytes()) == read(described()), (
        "run: python -m bucle.interfaces.predict.grpc_server.generate"
    )


def test_the_numbers_on_the_wire_are_the_protocols() -> None:
    """Of https://github.com/kserve/open-inference-protocol, by which clients read us."""
    numbers = {
        name: {field.name: field.number for field in messages()[name].DESCRIPTOR.fields}
        for name in ("ModelInferRequest", "ModelInferResponse", "InferTensorContents")
    }
    assert numbers == {
        "ModelInferRequest": {
            "model_name": 1, "model_version": 2, "id": 3, "parameters": 4, "inputs": 5,
            "outputs": 6, "raw_input_contents": 7,
        },
        "ModelInferResponse": {
            "model_name": 1, "model_version": 2, "id": 3, "parameters": 4, "outputs": 5,
            "raw_output_contents": 6,
        },
        "InferTensorContents": {
            "bool_contents": 1, "int_contents": 2, "int64_contents": 3, "uint_contents": 4,
            "uint64_contents": 5, "fp32_contents": 6, "fp64_contents": 7, "bytes_contents": 8,
        },
    }  # fmt: skip
