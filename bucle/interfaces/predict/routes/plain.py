"""Plain rows: `POST /predict/<deployment>`."""

from bucle.interfaces.predict.codec import decode_plain, encode_plain
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Request
from bucle.interfaces.predict.routes.asking import telling, terms_of
from bucle.interfaces.predict.serve import Predictions


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

        call = decode_plain(request.body)
        loaded = self._predictions.variant(served, request.routing_key or call.routing_key)
        told = telling(self._refusals, request, done, lambda answer: (encode_plain(answer), ()))
        terms = terms_of(request)
        request.forget = self._predictions.submit(served, loaded, call, told, terms).forget
