"""What a client asks of the server itself before it decides how to talk to it."""

import msgspec

from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint, Nothing


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What this server can do.

    Large files are sent in one piece unless a client asks for parts (`MLFLOW_ENABLE_PROXY_...`):
    one stream to this server is as fast, and costs one request.
    """

    store_type: str = "SqlStore"
    workspaces_enabled: bool = False
    trace_archival_enabled: bool = False
    multipart_uploads_enabled: bool = False
    multipart_downloads_enabled: bool = False
    presigned_upload_run_id_supported: bool = False
    presigned_upload_model_id_supported: bool = False
    features_enabled: dict[str, bool] = msgspec.field(default_factory=lambda: {"gateway": False})


def _info(_session: Session, _asked: Nothing) -> ServerInfo:
    return ServerInfo()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="GET", path="mlflow/server-info", version="3.0", request=Nothing, handle=_info),
)
