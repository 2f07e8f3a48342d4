"""Serve a package's folder with this process, and say what a person has to know."""

import logging
import os
import sys
from pathlib import Path

from bucle.base.errors import STATUS, BucleError
from bucle.base.settings import load_settings
from bucle.interfaces.predict.process import run_server
from bucle.interfaces.predict.standalone.home import environment_of, settle
from bucle.interfaces.predict.standalone.packed import read_packed


def serve_folder(package: Path, state: Path, *, host: str, port: int, workers: int) -> int:
    """Serve until Ctrl-C; return the exit code."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    try:
        packed = read_packed(package)
        token = settle(state, [packed], host=host)
        os.environ.update(environment_of(state, host=host, port=port, workers=workers))
        sys.stderr.write(f"{packed.model} at /predict/{packed.name}; its log: {state}\n")
        if token:
            sys.stderr.write(f"callers send: Authorization: Bearer {token}\n")
        run_server(load_settings())
    except BucleError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error}{hint}\n")
        return STATUS[type(error)][1]
    return 0
