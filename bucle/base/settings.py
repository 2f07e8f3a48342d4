"""Settings: what `BUCLE_...` says, with defaults that need no server.

Growing from a laptop to a cluster is changing these URLs and nothing else.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from bucle.base.errors import Invalid


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is; each field is read from `BUCLE_<FIELD>`."""

    home: str
    project: str = "default"
    database_url: str = ""  # "": sqlite under the home
    blobs_url: str = ""  # "": files under the home
    engine_url: str = "duckdb:"
    online_url: str = ""  # "": lmdb under the home
    streams_url: str = ""  # "": files under the home
    compute_url: str = "process:"
    clock_url: str = "system:"
    server_url: str = ""  # "": no server; verbs run in this process
    predict_url: str = ""  # "": http://<host>:<port + 1>
    token: str = ""  # "": the local owner (in-process), nobody (over HTTP)
    host: str = "127.0.0.1"
    port: int = 8000
    predict_port: int = 0  # 0: port + 1
    predict_workers: int = 1  # processes that share the model server's port
    predict_isolate: bool = False  # each model of a model server in a process of its own
    predict_memory_limit: int = 0  # bytes that such a process may take; 0: any
    predict_grpc_port: int = 0  # of the open protocol over gRPC; 0: none
    otel_endpoint: str = ""  # of OpenTelemetry, for the model server's traces; "": none
    verify: Literal["clean", "here", "off"] = "clean"  # where a package is tried when registered
    pickles: Literal["never", "asked", "any"] = "asked"  # which models that run code are loaded
    capture_console: bool = True  # keep what a run writes to stdout and stderr
    capture_vitals: bool = True  # log CPU, memory and GPU of a run over time
    control_url: str = ""  # "": a model server reads its plans in the blob store
    follower: str = ""  # how a model server that follows a control plane is called; "": the host's
    follower_labels: str = ""  # "site=lab,arch=arm64": by which waves choose followers
    source_network: Literal["any", "public"] = "any"  # from where documents may be pulled
    language: str = ""  # "": from LANG; en or es

    @property
    def home_path(self) -> Path:
        """The folder of everything that has no URL of its own."""
        return Path(self.home)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from the environment and fill in the defaults under the home.

    Raises:
        Invalid: a value has the wrong type, or a `BUCLE_` variable is not a setting.
    """
    environ = os.environ if environ is None else environ
    known = {f"BUCLE_{name.upper()}": name for name in Settings.__struct_fields__}
    given = {known[key]: value for key, value in environ.items() if key in known and value}
    given.setdefault("home", str(Path.home() / ".bucle"))
    home = Path(given["home"]).expanduser().absolute()
    try:
        settings = msgspec.convert(given | {"home": str(home)}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"a BUCLE_ setting is wrong: {error}", hint="bucle settings") from error
    predict_port = settings.predict_port or settings.port + 1
    return msgspec.structs.replace(
        settings,
        database_url=settings.database_url or f"sqlite:///{home / 'bucle.db'}",
        blobs_url=settings.blobs_url or f"file://{home / 'blobs'}",
        online_url=settings.online_url or f"lmdb://{home / 'online'}",
        streams_url=settings.streams_url or f"local://{home / 'streams'}",
        predict_port=predict_port,
        predict_url=settings.predict_url or f"http://{settings.host}:{predict_port}",
        language=settings.language or ("es" if environ.get("LANG", "").startswith("es") else "en"),
    )
