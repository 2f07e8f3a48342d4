"""`make test-mlflow-peer`: the conformance suite against the server that defines the protocol."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.mlflow import compare_with_peer

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        sys.exit(bool(compare_with_peer(Path(folder))))
