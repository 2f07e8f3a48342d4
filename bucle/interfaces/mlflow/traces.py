"""The calls about traces."""

from bucle.interfaces.mlflow.endpoint import AnyEndpoint

ENDPOINTS: tuple[AnyEndpoint, ...] = ()
