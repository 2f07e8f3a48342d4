"""The calls about logged models."""

from bucle.interfaces.mlflow.endpoint import AnyEndpoint

ENDPOINTS: tuple[AnyEndpoint, ...] = ()
