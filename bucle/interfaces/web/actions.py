"""What the buttons of the pages do: operations of the table, a few of them, as the API does them.

A form can not be sent by another site's page: the session's cookie is `SameSite=Strict`, and
`credentials_of` looks besides at where the request came from.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

from bucle.base.errors import NotFound
from bucle.interfaces.http.answers import Answer, Request, read_body, redirect
from bucle.interfaces.http.sign_in import local_path
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.filling import fill_text
from bucle.interfaces.operations.table import row_named
from bucle.interfaces.web.visit import Visit

_ALLOWED = frozenset(
    {
        "control.fire",
        "monitoring.acknowledge",
        "registry.promote",
        "registry.roll_back",
        "serving.abort_canary",
        "serving.kill",
        "serving.restore",
        "serving.stop_shadow",
        "serving.stop_trial",
    }
)
_LIMIT_BYTES = 1 << 14


async def act(threads: Threads, request: Request, visit: Visit, segments: list[str]) -> Answer:
    """Run the operation of a pressed button and go back to the page."""
    if len(segments) != 2 or segments[0] != "act" or segments[1] not in _ALLOWED:  # noqa: PLR2004 - act, and what
        raise NotFound(f"there is nothing to do at {visit.path}")
    body = await read_body(request, limit_bytes=_LIMIT_BYTES)
    form = {name: values[-1] for name, values in parse_qs(body.decode("latin-1")).items()}
    back = local_path(form.pop("next", visit.url()))
    await threads.long(_run, visit, segments[1], form)
    return redirect(back)


def _run(visit: Visit, operation: str, form: Mapping[str, str]) -> None:
    row = row_named(operation)
    call(visit.session, row, fill_text(row.request, {name: [text] for name, text in form.items()}))
