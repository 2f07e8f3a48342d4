"""Ask a server of MLflow over HTTP: one call, all pages of a listing, one download."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from bucle.base.errors import Denied, Invalid, Unavailable
from bucle.interfaces.client.importing.source import Unreadable

_PAUSES_S = (0.2, 1.0, 3.0, 8.0)
_AGAIN = frozenset({429, 502, 503, 504})
_REFUSED = frozenset({401, 403})
_ABSENT = frozenset({404, 405, 501})
_TIMEOUT = httpx.Timeout(120.0, connect=10.0)


class Server:
    """One server, with the credentials that the client of MLflow takes from the environment."""

    def __init__(self, url: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.url = url.rstrip("/")
        self._pause = pause
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        name = os.environ.get("MLFLOW_TRACKING_USERNAME")
        self._http = httpx.Client(
            headers={"authorization": f"Bearer {token}"} if token else {},
            auth=(name, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
            if name and not token
            else None,
            timeout=_TIMEOUT,
            follow_redirects=True,
        )

    def call(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
        """Return what the server answers.

        Raises:
            Denied: it wants other credentials.
            Invalid: it is no server of MLflow.
            Unavailable: it does not answer.
            Unreadable: it refuses this one call, or has none such; the message is its own.
        """
        answer = self._patiently(lambda: self._request(method, path, fields))
        self._check(answer, path)
        try:
            told = answer.json()
        except ValueError as error:
            raise Invalid(
                f"{self.url}{path} answered with something that is not JSON",
                hint="is it a tracking server of MLflow?",
            ) from error
        return dict(told)

    def pages(
        self,
        method: str,
        path: str,
        items: str,
        /,
        **fields: Any,  # noqa: ANN401 - as above
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a listing."""
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            answer = self.call(method, path, **fields, **more)
            yield from answer.get(items) or ()
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def download(self, path: str, params: dict[str, str], to: Path) -> Path:
        """Write what a path holds into a file.

        Raises:
            Unreadable: the server has none, or refuses.
        """

        def attempt() -> httpx.Response:
            with self._http.stream("GET", self.url + path, params=params) as answer:
                if answer.is_error:
                    answer.read()
                    return answer
                with to.open("wb") as file:
                    for part in answer.iter_bytes(1 << 20):
                        file.write(part)
            return answer

        self._check(self._patiently(attempt), path)
        return to

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _request(self, method: str, path: str, fields: dict[str, Any]) -> httpx.Response:
        if method == "GET":
            return self._http.get(self.url + path, params=fields)
        return self._http.request(method, self.url + path, json=fields)

    def _patiently(self, attempt: Callable[[], httpx.Response]) -> httpx.Response:
        """Ask again while the server is away: everything here only reads."""
        for pause in (*_PAUSES_S, None):
            try:
                answer = attempt()
            except httpx.HTTPError as error:
                if pause is None:
                    raise Unavailable(
                        f"{self.url} does not answer: {error}", hint="check the server and the URL"
                    ) from error
            else:
                if pause is None or answer.status_code not in _AGAIN:
                    return answer
            self._pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _check(self, answer: httpx.Response, path: str) -> None:
        if answer.status_code in _REFUSED:
            raise Denied(
                f"{self.url} wants other credentials ({answer.status_code})",
                hint="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD",
            )
        if answer.is_error:
            told = Unreadable(f"{path} answered {answer.status_code}: {answer.text[:300]}")
            told.is_absent = answer.status_code in _ABSENT
            raise told
