"""`python -m bucle.control`: the control plane alone, as `bucle up` starts it."""

import logging
import sys

from bucle.base.errors import STATUS, BucleError
from bucle.control.plane import run_plane
from bucle.governance.session import House


def main() -> int:
    """Run until told to stop; an error that a person can act upon ends with its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    house = House()
    try:
        house.session()
        run_plane(house)
    except BucleError as error:
        sys.stderr.write(f"error: {error}\n  hint: {error.hint}\n")
        return STATUS[type(error)][1]
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
