"""The calls about model versions."""

from bucle.interfaces.mlflow.endpoint import AnyEndpoint

ENDPOINTS: tuple[AnyEndpoint, ...] = ()
