"""The protocol without the client, and how the client tells a refusal."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from mlflow.exceptions import MlflowException

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Expect the client to raise its own error with one of the protocol's codes."""
    with pytest.raises(MlflowException) as raised:
        yield
    assert raised.value.error_code in codes, str(raised.value)


class Protocol:
    """Requests as any HTTP program sends them."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to a path below the server's address."""
        return self.session.request(method, self.url + path, timeout=60, **options)

    def get(self, path: str, /, **parameters: Any) -> requests.Response:
        """Ask an endpoint of version 2.0 with its arguments in the query."""
        return self.send("GET", f"/api/2.0/mlflow/{path}", params=parameters)

    def post(self, path: str, /, **fields: Any) -> requests.Response:
        """Call an endpoint of version 2.0 with its arguments as JSON."""
        return self.send("POST", f"/api/2.0/mlflow/{path}", json=fields)

    def raw(self, method: str, target: str, body: bytes = b"") -> int:
        """Send a request target sign by sign, unnormalised; return the status of the answer."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        held = self.session.headers.get("Authorization")
        headers = {"Authorization": str(held)} if held else {}
        try:
            connection.request(method, parts.path + target, body=body, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()
