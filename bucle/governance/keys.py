"""The installation's keys.

An Ed25519 key signs model packages and the head of each event chain.  A secret of 32 bytes hashes
what the prediction log may not hold: whoever has it can try which value a hash is of.
"""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bucle.base.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


_SECRET_BYTES = 32


class Keys:
    """The keys of one installation, made on first use and readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "signing.pem"
        self._secret = folder / "predictions.key"

    @cached_property
    def _private(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric import ed25519
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            content = self._create()
        key = load_pem_private_key(content, password=None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise Invalid(f"{self._file} is not an Ed25519 key", hint="restore it from a backup")
        return key

    def _create(self) -> bytes:
        """Write a new key; where another process was first, return what it wrote."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        content = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _created(self._file, content)

    def sign(self, content: bytes) -> str:
        """Return the signature of bytes, 128 hexadecimal digits (RFC 8032)."""
        return self._private.sign(content).hex()

    def verify(self, content: bytes, signature: str) -> bool:
        """Tell whether this installation's key signed these bytes."""
        return verify(self.public_hex, content, signature)

    @cached_property
    def log_secret(self) -> bytes:
        """The secret that hashes what the prediction log may not hold; made on first use."""
        found = read_log_secret(self._secret.parent)
        return found or _secret_in(_created(self._secret, secrets.token_hex(32).encode()))

    @cached_property
    def public_hex(self) -> str:
        """The public key, 64 hexadecimal digits."""
        return self._private.public_key().public_bytes_raw().hex()


def read_log_secret(folder: Path) -> bytes | None:
    """Return the secret of the prediction log; None: this machine was not given it.

    Raises:
        Invalid: the file holds something else.
    """
    try:
        return _secret_in((folder / "predictions.key").read_bytes())
    except FileNotFoundError:
        return None


def _secret_in(content: bytes) -> bytes:
    try:
        found = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        found = b""
    if len(found) != _SECRET_BYTES:
        raise Invalid(
            "keys/predictions.key is not 64 hexadecimal digits", hint="restore it from a backup"
        )
    return found


def _created(file: Path, content: bytes) -> bytes:
    """Write a new key; where another process was first, return what it wrote."""
    draft = file.with_name(f"{file.stem}.{os.getpid()}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        os.link(draft, file)
    except FileExistsError:
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"{file} can not be written: {error.strerror}",
            hint="set BUCLE_HOME to a folder that you can write",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return content


def verify(public_hex: str, content: bytes, signature: str) -> bool:
    """Tell whether the owner of a public key signed these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex))
        key.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True
