"""The calls about artifacts, proxied."""

from bucle.interfaces.mlflow.endpoint import AnyEndpoint

ENDPOINTS: tuple[AnyEndpoint, ...] = ()
