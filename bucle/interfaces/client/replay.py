"""`Replay`: the outside world of an installation that runs in accelerated time.

It asks for predictions and sends labels over HTTP, as the world would, and moves the shared
clock.  Before the clock moves on, the model server hands over its log and control settles, so
that work which takes seconds does not cost simulated days.  Nothing here trains, judges or
promotes: that is the loop's own doing.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx
import msgspec

from bucle.base.clock import SharedClock
from bucle.base.codec import decode, encode
from bucle.base.errors import Unavailable
from bucle.interfaces.client.client import Client

_POLL_S = (0.005, 0.1)
_RETRIES = 40
_RETRY_S = 0.25
_ACCEPTED = 400


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the model server said of some rows."""

    deployment: str  # with its revision
    model: str  # with its version
    variant: str
    ids: list[str]
    outputs: dict[str, list[Any]]


class Replay:
    """A caller of one deployment, on a clock that it moves."""

    def __init__(
        self, client: Client, clock: SharedClock, deployment: str, predict_url: str
    ) -> None:
        self._client = client
        self._clock = clock
        self._deployment = deployment
        self._http = httpx.Client(base_url=predict_url, timeout=60.0)
        self.waited_s = 0.0  # wall time spent until control had settled

    @property
    def now(self) -> datetime:
        """The moment that the replay has reached."""
        return self._clock.now()

    def close(self) -> None:
        """Close the connection to the model server."""
        self._http.close()

    def ask(self, rows: Sequence[dict[str, Any]]) -> Answers:
        """Ask for predictions of some rows.

        Raises:
            Unavailable: the model server did not answer, or not well.
        """
        answer = self._post(f"/predict/{self._deployment}", encode({"rows": rows}))
        return decode(answer.content, Answers)

    def label(self, ids: Sequence[str], values: Sequence[float | str]) -> None:
        """Say what really came."""
        if ids:
            self._client.call(
                "feedback.add", deployment=self._deployment, ids=list(ids), values=list(values)
            )

    def tell(self, moment: datetime) -> None:
        """Move the clock without waiting for anybody: the next request comes at this moment."""
        self._clock.set(moment)

    def reach(self, moment: datetime) -> None:
        """Move the clock, once the log is handed over: what is due by then begins."""
        self._post("/admin/flush", b"")
        self._clock.set(moment)

    def settle(self, moment: datetime, *, limit_s: float = 600.0) -> None:
        """Move the clock, once the log is handed over, and wait until control has caught up.

        Raises:
            Unavailable: control did not settle in time.
        """
        self.reach(moment)
        started, pause = time.monotonic(), _POLL_S[0]
        while True:
            status = self._client.call("control.status")
            if status.settled and status.now >= moment and self._serves_what_is_decided():
                break
            if time.monotonic() - started > limit_s:
                raise Unavailable(
                    f"control did not settle at {moment} in {limit_s:.0f} s",
                    hint="bucle control jobs",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_S[1])
        self.waited_s += time.monotonic() - started

    def _serves_what_is_decided(self) -> bool:
        """Tell whether the model server follows the deployment's newest revision."""
        decided = self._client.call("serving.get", ref=f"deployment:{self._deployment}")
        if not decided.variants:
            return True
        name = f"{self._client.project}.{self._deployment}"
        try:
            served = self._http.get("/health").json()["deployments"].get(name)
        except httpx.TransportError:
            return False
        return bool(served == str(decided.ref))

    def _post(self, path: str, content: bytes) -> httpx.Response:
        """Post, and try again while the server is being replaced."""
        for attempt in range(_RETRIES):
            try:
                answer = self._http.post(
                    path, content=content, headers={"content-type": "application/json"}
                )
            except httpx.TransportError:
                if attempt + 1 == _RETRIES:
                    break
                time.sleep(_RETRY_S)
                continue
            if answer.status_code < _ACCEPTED:
                return answer
            raise Unavailable(f"the model server said {answer.status_code}: {answer.text[:300]}")
        raise Unavailable(
            f"the model server does not answer at {self._http.base_url}", hint="bucle up"
        )
