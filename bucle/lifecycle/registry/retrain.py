"""The program of a rebuild: run one pipeline in this interpreter, and say how it went.

`python -m bucle.lifecycle.registry.retrain <folder>` reads `request.json` there and writes
`answer.json`.  It runs in the environment of then, in a house of its own.
"""

import sys
from pathlib import Path

from bucle.base.codec import decode, encode
from bucle.base.errors import BucleError
from bucle.governance.session import House
from bucle.lifecycle.pipelines import run_pipeline
from bucle.lifecycle.registry.retraining import RetrainAnswer, RetrainRequest
from bucle.lifecycle.tracking import RunQuery, list_runs, this_environment

_MOST = 1000


def main(folder: Path) -> None:
    """Run what is asked for in a folder and leave the answer there."""
    request = decode((folder / "request.json").read_bytes(), RetrainRequest)
    house = House()
    session = house.session()
    error, runs = "", []
    try:
        done = run_pipeline(session, request.reference, request.params, folder=Path(request.folder))
        with session.begin(write=False) as scope:
            steps = list_runs(scope, RunQuery(parent=done.ref, limit=_MOST)).items
        runs = [done.ref, *(step.ref for step in steps)]
        error = done.error if done.status != "finished" else ""
    except BucleError as raised:
        error = raised.message
    answer = RetrainAnswer(environment=this_environment(), runs=tuple(runs), error=error)
    (folder / "answer.json").write_bytes(encode(answer))
    house.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
