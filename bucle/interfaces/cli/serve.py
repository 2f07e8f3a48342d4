"""`bucle serve`: a model server alone, of a registered version, a folder, or a model's file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid
from bucle.base.quantity import parse_bytes
from bucle.base.settings import load_settings
from bucle.interfaces.cli.context import common_options, open_client
from bucle.interfaces.cli.export_model import export_version
from bucle.interfaces.cli.talk import say, waiting

if TYPE_CHECKING:
    from bucle.interfaces.predict.standalone.packed import Packed

_PORT = 8080
_KEY_DIGITS = 64


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for besides the models."""

    port: int
    grpc_port: int | None  # None: no gRPC
    host: str
    workers: int
    isolate: bool
    memory_limit: str  # "": none
    allow_unsigned: bool
    key: str  # "": whoever signed
    folder: Path | None  # None: below the home


@click.command("serve", params=common_options("en"))
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, help="0 takes a free one.")
@click.option("--grpc-port", type=click.IntRange(1, 65535), help="Answer gRPC there too.")
@click.option("--host", default="127.0.0.1", help="Where to listen.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, help="Processes on the port.")
@click.option("--isolate", is_flag=True, help="Run each model in a process of its own.")
@click.option("--memory-limit", default="", help="Of each isolated model: 500MB.", metavar="SIZE")
@click.option("--allow-unsigned", is_flag=True, help="Serve what nobody signed.")
@click.option("--key", default="", help="Who must have signed: 64 digits, or a file with them.")
@click.option("--state", "folder", type=click.Path(path_type=Path), help="Where the log is kept.")
@click.pass_context
def serve(context: click.Context, /, models: tuple[str, ...], **asked: object) -> None:
    """Serve models until Ctrl-C: model:churn@champion, a folder, or a model's file."""
    from bucle.interfaces.predict.process import run_server
    from bucle.interfaces.predict.standalone.home import environment_of, settle

    options = msgspec.convert(asked, Options)
    folder = options.folder or load_settings().home_path / "serve" / _named(models)
    with waiting("reading"):
        packed = [read_model(context, text, folder, options) for text in models]
    token = settle(folder, packed, host=options.host)
    os.environ.update(
        environment_of(
            folder,
            host=options.host,
            port=options.port,
            workers=options.workers,
            grpc_port=options.grpc_port or 0,
        )
        | _isolation(options)
    )
    for one in packed:
        say(f"{one.model} at /predict/{one.name}{_signer(one)}")
    say(f"packages and log: {folder}")
    if token:
        say(f"callers send: Authorization: Bearer {token}")
    say("Ctrl-C stops it")
    run_server(load_settings())


def read_model(context: click.Context, text: str, folder: Path, options: Options) -> "Packed":
    """Return the package that a word of the command line means.

    Raises:
        NotFound: there is no such version, folder or file.
        Refused: it is not signed, or not by that key.
    """
    from bucle.interfaces.predict.standalone.packed import key_beside, read_packed

    if text.startswith("model:") and not Path(text).exists():
        client = open_client(context)
        digest = digest_bytes(text.encode())[:16]
        exported = export_version(client, text, folder / "exported" / digest)
        # The installation that was asked is the one whose key is believed.
        return read_packed(exported, public_hex=_key(options.key) or key_beside(exported))
    return read_packed(
        Path(text), public_hex=_key(options.key), allow_unsigned=options.allow_unsigned
    )


def _key(text: str) -> str:
    """Return a public key that was given by its digits, or by a file that holds them."""
    path = Path(text)
    found = path.read_text(encoding="utf-8").strip() if text and path.is_file() else text
    if text and (len(found) != _KEY_DIGITS or not set(found) <= set("0123456789abcdef")):
        raise Invalid(
            f"{text!r} is no public key", hint="64 hexadecimal digits; see: bucle serving key"
        )
    return found


def _signer(packed: "Packed") -> str:
    if not packed.signed_by:
        return "  WARNING: nobody signed it; it is served because you said so"
    if packed.trusted:
        return f", signed by {packed.signed_by[:12]}"
    return f", signed by {packed.signed_by[:12]}, a key that came with it (--key insists on one)"


def _isolation(options: Options) -> dict[str, str]:
    if options.memory_limit and not options.isolate:
        raise Invalid("--memory-limit is that of a process of its own", hint="add --isolate")
    limit = parse_bytes(options.memory_limit) if options.memory_limit else 0
    return {
        "BUCLE_PREDICT_ISOLATE": "true" if options.isolate else "false",
        "BUCLE_PREDICT_MEMORY_LIMIT": str(limit),
    }


def _named(models: tuple[str, ...]) -> str:
    """Return the folder of what is served here: the same models find their log again."""
    told = [text if text.startswith("model:") else str(Path(text).absolute()) for text in models]
    name = Path(models[0].partition(":")[2] or models[0]).name.partition("@")[0].partition(".")[0]
    return f"{name or 'model'}-{digest_bytes(chr(10).join(sorted(told)).encode())[:8]}"
