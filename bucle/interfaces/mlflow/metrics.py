"""The calls about the histories of metrics."""

from bucle.interfaces.mlflow.endpoint import AnyEndpoint

ENDPOINTS: tuple[AnyEndpoint, ...] = ()
