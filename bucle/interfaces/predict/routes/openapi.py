"""What can be asked here, for programs: `/openapi.json`, and `/openapi/<deployment>.json`."""

from bucle.base.errors import Denied
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.openapi.document import document_of
from bucle.interfaces.predict.requests import Done, Handler, Request, json_reply
from bucle.interfaces.predict.watch import PlanWatcher

_ENDING = ".json"


class OpenApiRoutes:
    """Handlers of the documents; who may not ask a deployment is not shown it."""

    def __init__(self, *, watcher: PlanWatcher, admission: Admission, is_loopback: bool) -> None:
        self._watcher = watcher
        self._is_loopback = is_loopback  # else nobody is let in without a token
        self._admission = admission

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        match (request.method, *request.segments):
            case ("GET" | "HEAD", "openapi.json"):
                return self._whole
            case ("GET" | "HEAD", "openapi", name) if name.endswith(_ENDING):
                return lambda asked, done: self._one(asked, done, name.removesuffix(_ENDING))
        return None

    def _one(self, request: Request, done: Done, name: str) -> None:
        served = self._admission.served(request, name)
        is_open = self._is_loopback and self._watcher.board.plans[served.project].open
        done(json_reply(200, document_of([served], is_open=is_open, whole=False)))

    def _whole(self, request: Request, done: Done) -> None:
        board = self._watcher.board
        if board.plans:
            self._admission.anywhere(request)
        shown = [one for one in board.served if self._may_ask(request, one)]
        is_open = self._is_loopback and all(plan.open for plan in board.plans.values())
        done(json_reply(200, document_of(shown, is_open=is_open, whole=True)))

    def _may_ask(self, request: Request, served: Served) -> bool:
        try:
            self._admission.served(request, f"{served.project}.{served.name}")
        except Denied:
            return False
        return True
