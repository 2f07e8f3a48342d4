"""The small home of a model server that runs alone: packages, a plan, a key and the log.

It is laid out as an installation's home is, without a database, so that the ordinary model
server runs on it.  What is put into it was checked before; its own key signs it from then on, so
that what changes later is still refused.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from bucle.base.digest import digest_bytes
from bucle.base.errors import BucleError, Invalid, Unavailable
from bucle.base.refs import Ref
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.content import content_key
from bucle.governance.keys import Keys
from bucle.interfaces.predict.standalone.packed import Packed
from bucle.lifecycle.registry.load import statement
from bucle.lifecycle.serving import (
    CHAMPION,
    PlannedDeployment,
    PlannedToken,
    ServingPlan,
    Variant,
    is_loopback,
    open_sealed,
    plan_key,
)
from bucle.lifecycle.serving.sealed import seal

PROJECT = "default"
_TOKEN_FILE = "token"  # noqa: S105 - a file's name


def settle(folder: Path, models: Sequence[Packed], *, host: str) -> str:
    """Put packages into a home and make the plan that serves them.

    Returns the token that callers need; "" where only this machine can call.

    Raises:
        Invalid: two of the models have one name.
        Unavailable: the folder can not be written.
    """
    names = [one.name for one in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(
            f"two of the models are called {twice[0]!r}",
            hint="serve them by two commands, on two ports",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be made: {error.strerror}", hint="name another one: --state FOLDER"
        ) from error
    keys = Keys(folder / "keys")
    blobs = open_blobs(f"file://{(folder / 'blobs').absolute()}")
    before = _plan_before(folder, keys.public_hex)
    deployments = []
    for one in models:
        digest = digest_bytes(one.manifest)
        for each, content in {**one.files, digest: one.manifest}.items():
            blobs.put(content_key(each), content)
        variant = Variant(
            role=CHAMPION,
            model=one.model,
            manifest=digest,
            signature=keys.sign(statement(digest)),
            weight=1.0,
        )
        deployments.append(_deployed(one, variant, before))
    token = "" if is_loopback(host) else _token(folder)
    plan = ServingPlan(
        project=PROJECT,
        open=is_loopback(host),
        tokens=(_planned(token),) if token else (),
        deployments=tuple(deployments),
    )
    blobs.put(plan_key(PROJECT), seal(plan, keys))
    return token


def environment_of(
    folder: Path, *, host: str, port: int, workers: int, grpc_port: int = 0
) -> dict[str, str]:
    """Return the settings with which the model server runs on such a home, and on nothing else."""
    home = folder.absolute()
    settings = {
        "BUCLE_HOME": str(home),
        "BUCLE_PROJECT": PROJECT,
        "BUCLE_BLOBS_URL": f"file://{home / 'blobs'}",
        "BUCLE_ONLINE_URL": f"lmdb://{home / 'online'}",
        "BUCLE_DATABASE_URL": "",
        "BUCLE_CONTROL_URL": "",
        "BUCLE_SERVER_URL": "",
        "BUCLE_HOST": host,
        "BUCLE_PREDICT_PORT": str(port or _free_port(host)),
        "BUCLE_PREDICT_WORKERS": str(workers),
    }
    return settings | ({"BUCLE_PREDICT_GRPC_PORT": str(grpc_port)} if grpc_port else {})


def _deployed(
    one: Packed, variant: Variant, before: dict[str, PlannedDeployment]
) -> PlannedDeployment:
    """Return the deployment; another package makes another revision of it."""
    known = before.get(one.name)
    revision = int(known.ref.version or 1) if known else 1
    if known is not None and known.variants != (variant,):
        revision += 1
    return PlannedDeployment(
        ref=Ref("deployment", one.name, revision),
        target=one.target,
        p95_ms=None,
        variants=(variant,),
    )


def _plan_before(folder: Path, public_hex: str) -> dict[str, PlannedDeployment]:
    try:
        content = (folder / "blobs" / plan_key(PROJECT)).read_bytes()
        plan = open_sealed(content, public_hex)
    except (OSError, BucleError):
        return {}
    return {one.ref.name: one for one in plan.deployments}


def _token(folder: Path) -> str:
    """Return the bearer's text of this home, made on first use and readable by its owner only."""
    path = folder / "keys" / _TOKEN_FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = f"bucle_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise Unavailable(f"{path} can not be written: {error.strerror}") from error
    return text


def _planned(token: str) -> PlannedToken:
    _, number, secret = token.split("_", 2)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return PlannedToken(id=number, secret_digest=digest, expires_at=None)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
