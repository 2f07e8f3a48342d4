"""What requests for predictions have in common, whatever their form."""

from collections.abc import Callable
from functools import lru_cache

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import BINARY, Answer
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import JSON, Done, Headers, Reply, Request
from bucle.interfaces.predict.serve import headers_of
from bucle.interfaces.predict.tickets import Outcome, Terms, Told

TIMEOUT = b"bucle-timeout-ms"
_LONGEST_MS = 3_600_000.0
_SMALL_BYTES = 4096
_PLAIN = Terms()


def terms_of(request: Request, timeout_s: float = 0.0, *, pinned: bool = False) -> Terms:
    """Return a request's terms: the header `bucle-timeout-ms` outranks what the body says.

    Raises:
        Invalid: the header holds no time.
    """
    if said := request.headers.get(TIMEOUT):
        timeout_s = _milliseconds(said) / 1000
    size_bytes = len(request.body)
    if size_bytes < _SMALL_BYTES and not pinned and not timeout_s:
        return _PLAIN
    return Terms(pinned, timeout_s, size_bytes)


def telling(
    refusals: Refusals,
    request: Request,
    done: Done,
    form: Callable[[Answer], tuple[bytes, Headers]],
) -> Told:
    """Return what turns an outcome into a reply: `form` makes a body and more headers of it."""

    def told(outcome: Outcome) -> None:
        if isinstance(outcome, Answer):
            try:
                body, headers = form(outcome)
            except Invalid as error:  # an output was asked for that there is not
                done(refusals.reply(request, error))
                return
            content_type = BINARY if headers else JSON
            done(Reply(200, body, headers, content_type, _lines_of(outcome)))
        else:
            done(refusals.reply(request, outcome))

    return told


def _lines_of(answer: Answer) -> bytes:
    """Return who answered as header lines, for callers that keep headers only."""
    lines = _lines(answer.deployment, answer.model, answer.variant)
    return b"%b%b\r\n" % (lines, answer.ids[0].encode())


@lru_cache(maxsize=256)
def _lines(deployment: str, model: str, variant: str) -> bytes:
    headers = headers_of(Answer(deployment, model, variant, [""], {}))
    return b"\r\n".join(b"%b: %b" % header for header in headers)


def _milliseconds(said: bytes) -> float:
    try:
        found = float(said)
    except ValueError:
        found = 0.0
    if not 0 < found <= _LONGEST_MS:
        raise Invalid(
            f"the header {TIMEOUT.decode()} holds {said.decode('latin-1')!r}",
            hint=f"{TIMEOUT.decode()}: 250",
        )
    return found
