"""The protocol's messages, made of their description when gRPC is first asked for.

They live in a pool of their own: a client of the protocol in the same process, which defines
messages of the same names, does not clash with them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from bucle.base.errors import NotInstalled

# Whatever protobuf makes: its classes have no types of their own.
Message: TypeAlias = Any
Messages: TypeAlias = dict[str, Any]

_DESCRIPTION = Path(__file__).parent / "open_inference.binpb"


@lru_cache(maxsize=1)
def messages() -> Messages:
    """Return the classes of the messages, by name.

    Raises:
        NotInstalled: the extra `grpc` is not.
    """
    try:
        from google.protobuf import (  # type: ignore[import-untyped]
            descriptor_pb2,
            descriptor_pool,
            message_factory,
        )
    except ImportError as error:
        raise not_installed("protobuf") from error
    pool = descriptor_pool.DescriptorPool()
    described = descriptor_pb2.FileDescriptorSet.FromString(_DESCRIPTION.read_bytes())
    (file,) = described.file
    pool.Add(file)
    return {
        one.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{file.package}.{one.name}")
        )
        for one in file.message_type
    }


def not_installed(name: str) -> NotInstalled:
    """Return what is said where the extra `grpc` is missing."""
    return NotInstalled(
        f"the open protocol over gRPC needs a package that is not installed ({name})",
        hint="pip install 'bucle[grpc]'",
    )
