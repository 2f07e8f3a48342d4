"""What reading an inference request and writing its answer cost, without network and model.

JSON and the binary extension, one row and a hundred, one tensor per column and one matrix; beside
the JSON decoder and encoder alone on untyped values, which nobody does with less.
CPU microseconds of one request and the requests per second that they would allow.
"""

import argparse
import sys
from collections.abc import Callable
from time import process_time

import msgspec
import numpy as np

from bucle.interfaces.predict.codec import Answer, Call, decode_infer, encode_infer
from bucle.lifecycle.registry import Field

WIDTH = 5
FIELDS = tuple(Field(name=f"column_{place}", type="float64") for place in range(WIDTH))
OUTPUTS = (
    Field(name="prediction", type="int64"),
    Field(name="probability", type="float64"),
)
HEADER = b"inference-header-content-length"


def values_of(rows: int) -> np.ndarray:
    """Return the rows that are sent."""
    return np.random.default_rng(7).normal(size=(rows, WIDTH))


def as_json(rows: int, *, matrix: bool) -> tuple[bytes, dict[bytes, bytes]]:
    """Return a request in JSON."""
    values = values_of(rows)
    inputs = (
        [_tensor("rows", values.ravel(), [rows, WIDTH])]
        if matrix
        else [_tensor(field.name, values[:, place], [rows]) for place, field in enumerate(FIELDS)]
    )
    return msgspec.json.encode({"inputs": inputs, "id": "a"}), {}


def as_bytes(rows: int, *, matrix: bool) -> tuple[bytes, dict[bytes, bytes]]:
    """Return a request in bytes, which asks for bytes."""
    values = values_of(rows)
    parts = [values] if matrix else list(values.T.copy())
    names = ["rows"] if matrix else [field.name for field in FIELDS]
    inputs = [
        {
            "name": name,
            "shape": list(part.shape),
            "datatype": "FP64",
            "parameters": {"binary_data_size": part.nbytes},
        }
        for name, part in zip(names, parts, strict=True)
    ]
    head = msgspec.json.encode({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return head + b"".join(part.tobytes() for part in parts), {HEADER: str(len(head)).encode()}


def _tensor(name: str, values: np.ndarray, shape: list[int]) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": values.tolist()}


def answer_of(rows: int) -> Answer:
    """Return what a classifier would answer."""
    probability = np.linspace(0, 1, rows)
    return Answer(
        "deployment:demand@3",
        "model:demand@7",
        "champion",
        [f"01K{place:023d}" for place in range(rows)],
        {
            "prediction": (probability > 0.5).astype(int).tolist(),
            "probability": probability.tolist(),
        },
    )


def cpu_us(work: Callable[[], object], seconds: float) -> float:
    """Return the CPU microseconds of one call: the best of five."""
    rounds, best = 50, float("inf")
    for _ in range(5):
        spent = 0.0
        while True:
            start = process_time()
            for _ in range(rounds):
                work()
            spent = process_time() - start
            if spent >= seconds / 5:
                break
            rounds *= 2
        best = min(best, spent / rounds * 1e6)
    return best


def main() -> None:
    """Print a line of JSON, and one for people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    seconds = 0.1 if parser.parse_args().quick else 1.0
    found: dict[str, dict[str, float]] = {}
    for form, make in (("json", as_json), ("bytes", as_bytes)):
        for rows in (1, 100):
            for matrix in (False, True):
                body, headers = make(rows, matrix=matrix)
                answer = answer_of(rows)
                call = decode_infer(body, headers, FIELDS)
                found[
                    f"{form}, {rows} row{'s' * (rows > 1)}, {'matrix' if matrix else 'columns'}"
                ] = _figures(body, headers, call, answer, seconds)
    print(msgspec.json.encode({"cpu_us": found}).decode())
    for name, figures in found.items():
        both = figures["decode"] + figures["encode"]
        told = "  ".join(f"{key} {value:.1f}" for key, value in figures.items())
        print(f"{name:24} {told}  -> {1e6 / both:,.0f} requests/s", file=sys.stderr)


def _figures(
    body: bytes, headers: dict[bytes, bytes], call: Call, answer: Answer, seconds: float
) -> dict[str, float]:
    encoded, _ = encode_infer(
        answer, msgspec.structs.replace(call, binary=False), "demand", OUTPUTS
    )
    head = body[: int(headers[HEADER])] if headers else body
    said = msgspec.json.decode(encoded)
    return {
        "decode": cpu_us(lambda: decode_infer(body, headers, FIELDS), seconds),
        "json_decode_alone": cpu_us(lambda: msgspec.json.decode(head), seconds),
        "encode": cpu_us(lambda: encode_infer(answer, call, "demand", OUTPUTS), seconds),
        "json_encode_alone": cpu_us(lambda: msgspec.json.encode(said), seconds),
    }


if __name__ == "__main__":
    main()
