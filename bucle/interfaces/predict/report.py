"""What a model server that follows a control plane is called, believes, and tells of itself."""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from bucle.base.errors import NotFound, Unavailable
from bucle.base.settings import Settings
from bucle.governance.keys import Keys, read_log_secret
from bucle.interfaces.predict.control import Told
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.watch import PlanWatcher


def trusted_key(settings: Settings) -> str:
    """Return the public key whose plans and packages are believed, in hexadecimal.

    A model server on another machine is given `keys/signing.pub` and never the key itself.

    Raises:
        NotFound: it follows a control plane, and was not given its key.
    """
    keys = settings.home_path / "keys"
    try:
        return (keys / "signing.pub").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if settings.control_url:
            raise NotFound(
                f"{keys / 'signing.pub'} is missing: the key whose plans are to be believed",
                hint="write there what the control plane says to: bucle serving key",
            ) from None
        return Keys(keys).public_hex


def log_secret(settings: Settings) -> bytes | None:
    """Return what hashes columns in the log; None: a machine without the installation's keys.

    There, `keys/predictions.key` may be put beside `keys/signing.pub`; else such columns are left
    out of the log.
    """
    keys = settings.home_path / "keys"
    if (keys / "signing.pem").is_file():
        with suppress(Unavailable):  # a home that can be read only
            return Keys(keys).log_secret
    return read_log_secret(keys)


def follower_name(settings: Settings) -> str:
    """Return what this follower is called: as the settings say, or by a name that it keeps.

    Raises:
        Unavailable: the home can not be written.
    """
    if settings.follower:
        return settings.follower
    path = settings.home_path / "run" / "follower"
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    try:
        _write_once(path, name)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unavailable(
            f"{path} can not be written: {error.strerror}",
            hint="set BUCLE_HOME to a folder that you can write",
        ) from error
    return name


class Report:
    """How this server does with the plan that it got last."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._since: dict[str, tuple[int, int]] = {}  # plan -> requests and errors before it

    def now(self, project: str, watcher: PlanWatcher) -> Told:
        """Return what is told of it."""
        plan = watcher.digests.get(project, "")
        counts = list(self._metrics.variants.values())
        requests, errors = sum(one.requests for one in counts), sum(one.errors for one in counts)
        if plan not in self._since:
            self._since = {plan: (requests, errors)}
        before = self._since[plan]
        problems = watcher.failures
        return Told(
            healthy=not problems,
            problem="; ".join(problems)[:300],
            requests=requests - before[0],
            errors=errors - before[1],
        )


def _write_once(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".follower.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    try:
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
