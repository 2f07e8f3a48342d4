"""`python -m bucle.interfaces.predict`: run a model server with the `BUCLE_...` settings."""

import argparse
import logging
import sys

from bucle.base.errors import STATUS, BucleError
from bucle.base.settings import load_settings
from bucle.interfaces.predict.process import run_server


def main() -> int:
    """Run until asked to stop; return the exit code."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    asked = argparse.ArgumentParser(prog="python -m bucle.interfaces.predict")
    asked.add_argument("--worker", type=int, help="one of several on a port; its number")
    worker = asked.parse_args().worker
    try:
        run_server(load_settings(), worker)
    except BucleError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error}{hint}\n")
        return STATUS[type(error)][1]
    return 0


if __name__ == "__main__":
    sys.exit(main())
