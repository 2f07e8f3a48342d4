"""Plain rows: `POST /predict/<deployment>`."""

from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Reply, Request
from bucle.interfaces.predict.serve import Predictions, headers_of


class PlainRoutes:
    """Handlers of plain rows."""

    def __init__(
        self, *, predictions: Predictions, admission: Admission, refusals: Refusals
    ) -> None:
        self._predictions = predictions
        self._admission = admission
        self._refusals = refusals

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        match (request.method, *request.segments):
            case ("POST", "predict", name):
                return lambda asked, done: self._predict(asked, done, name)
        return None

    def _predict(self, request: Request, done: Done, name: str) -> None:
        served = self._admission.served(request, name)

        async def predict() -> Reply:
            answer, body = await self._predictions.plain(served, request.body, request.routing_key)
            return Reply(200, body, headers_of(answer))

        self._refusals.start(request, done, predict())
