"""Make `open_inference.binpb` of `open_inference.proto`; needs grpcio-tools.

    python -m bucle.interfaces.predict.grpc_server.generate

A description of the messages rather than Python code: code of one release of protobuf refuses to
run with an earlier one, and every release reads a description.
"""

import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent
TARGET = FOLDER / "open_inference.binpb"


def described() -> bytes:
    """Return the messages' description, as the compiler that is installed makes it.

    Raises:
        RuntimeError: the compiler refused the messages.
    """
    from grpc_tools import protoc  # type: ignore[import-untyped]

    with TemporaryDirectory() as folder:
        target = Path(folder) / TARGET.name
        well_known = files("grpc_tools") / "_proto"
        done = protoc.main([
            "protoc", f"-I{FOLDER}", f"-I{well_known}", f"--descriptor_set_out={target}",
            "open_inference.proto",
        ])  # fmt: skip
        if done:
            raise RuntimeError(f"protoc ended with {done}")
        return target.read_bytes()


def main() -> None:
    """Write the file."""
    TARGET.write_bytes(described())
    sys.stdout.write(f"wrote {TARGET.name}\n")


if __name__ == "__main__":
    main()
