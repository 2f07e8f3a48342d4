"""`bucle.search(...)`: a search from a script or a pipeline's step, its trials as runs."""

from bucle.base.errors import Invalid
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.runs import default_client, find_active_run
from bucle.lifecycle import tuning
from bucle.lifecycle.tuning import Search, StudyResult
from bucle.lifecycle.tuning.search import Objective
from bucle.lifecycle.tuning.space import Given


def search(
    objective: Objective, space: Given, asked: Search | None = None, *, client: Client | None = None
) -> StudyResult:
    """Search for the parameters with the best value; see `bucle.lifecycle.tuning.search`.

    Inside of a run, the trials are parts of that run.

    Raises:
        Invalid: the client is of a server; a search needs the installation at hand.
    """
    outer = find_active_run()
    client = client or (outer.client if outer else default_client())
    transport = client.transport
    if not isinstance(transport, InProcess):
        raise Invalid(
            f"a search runs beside its installation, not from afar ({transport.where})",
            hint="put the search into a pipeline's step, and run the pipeline there",
        )
    return tuning.search(transport.session, objective, space, asked or Search())
