"""`bucle.run(...)`: a run of the SDK, with everything that it depends on captured unasked.

    with bucle.run("train", params={"depth": 3}) as run:
        table = run.use("trips@main")
        run.log_metric("mae", 12.5)

Code, environment, machine, seed, usage and the error, if there is one, need no word.  Inside
the block (and inside a pipeline's step) `bucle.log_metric(...)` and its like mean that run.
"""

import secrets
from collections.abc import Callable, Mapping
from functools import cache

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import BucleError, Invalid
from bucle.base.ids import new_id
from bucle.base.refs import Ref, check_name
from bucle.base.settings import load_settings
from bucle.interfaces.client.active import (
    ACTIVE,
    ActiveRun,
    Captured,
    clock_of,
    open_writer,
    scalar,
)
from bucle.interfaces.client.client import Client, connect
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import Artifact, RunStart
from bucle.lifecycle.tracking.alive import checked_params, checked_tags

_SEED_BITS = 32


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is seldom said of a run."""

    kind: str = "training"
    tags: dict[str, str] = {}
    capture: bool = True  # code, environment, machine and notebook
    console: bool | None = None  # keep the output; None: BUCLE_CAPTURE_CONSOLE says
    vitals: bool | None = None  # log CPU, memory, GPU; None: BUCLE_CAPTURE_VITALS says


def run(
    name: str,
    *,
    params: Mapping[str, object] | None = None,
    experiment: str | None = None,
    seed: int | None = None,
    options: RunOptions | None = None,
    client: Client | None = None,
) -> ActiveRun:
    """Start a run; as a `with` block, it ends with the block, and fails if the block does.

    Inside another run it is a part of that one, and of the same experiment.

    Args:
        name: what is run; runs may share it.
        params: what the run was given; they stay what they are.
        experiment: what it is compared with; without it, the outer run's, or `default`.
        seed: seeds `random`, NumPy and PyTorch; without it, one is drawn for `run.seed`.
        options: what is seldom said.
        client: where it is written to; without it, where the settings say.
    """
    options = options or RunOptions()
    outer = find_active_run()
    client = client or (outer.client if outer else default_client())
    ref = Ref("run", new_id(clock_of(client).now()))
    writer = open_writer(client, ref, outer)
    try:
        start = RunStart(
            id=ref.name,
            name=check_name(name),
            kind=check_name(options.kind),
            experiment=check_name(experiment or (outer.experiment if outer else "default")),
            params=checked_params({key: scalar(value) for key, value in (params or {}).items()}),
            tags=checked_tags(options.tags),
            parent=outer.ref if outer else None,
            code=_code(writer.keep, outer) if options.capture else None,
            environment=writer.keep(_environment()) if options.capture else None,
            host=tracking.capture_host(),
            seeds=_seeds(seed),
            started_at=clock_of(client).now(),
        )
        fields = {field: getattr(start, field) for field in start.__struct_fields__}
        writer.say("tracking.start", fields)
    except BucleError:
        writer.forget()
        raise
    if outer is None:
        writer.deliver_neighbours()
    return ActiveRun(client, start, writer, captured=_captured(options), owned=True)


def find_active_run() -> ActiveRun | None:
    """Return the run of the innermost `with bucle.run(...)` or pipeline step; or None."""
    ambient = tracking.ambient_run()
    if ambient is None:
        return None
    active = ACTIVE.get()
    if active is None or active.ref != ambient.run:
        client = Client(InProcess(ambient.session)) if ambient.session else default_client()
        known = client.call("tracking.get", ref=ambient.run)
        active = ActiveRun(client, _begun(known), owned=False)
        ambient.closing.callback(active.end)
        ACTIVE.set(active)
    return active


def active_run() -> ActiveRun:
    """Return the run of the innermost `with bucle.run(...)` or pipeline step.

    Raises:
        Invalid: there is none here.
    """
    active = find_active_run()
    if active is None:
        raise Invalid("no run is going on here", hint="with bucle.run('a name'): ...")
    return active


def log_param(name: str, value: object) -> None:
    """Give the run that is going on here a parameter."""
    active_run().log_param(name, value)


def log_params(params: Mapping[str, object]) -> None:
    """Give the run that is going on here parameters."""
    active_run().log_params(params)


def log_metric(name: str, value: object, *, step: int | None = None) -> None:
    """Add a point to a series of the run that is going on here."""
    active_run().log_metric(name, value, step=step)


def log_metrics(metrics: Mapping[str, object], *, step: int | None = None) -> None:
    """Add a point to each of some series of the run that is going on here."""
    active_run().log_metrics(metrics, step=step)


def log_artifact(artifact: object, path: str = "") -> Artifact:
    """Keep a file with the run that is going on here."""
    return active_run().log_artifact(artifact, path)


def tag(**tags: object) -> None:
    """Set tags of the run that is going on here."""
    active_run().tag(**tags)


@cache
def default_client() -> Client:
    """Return the client that the settings name, opened once in a process."""
    return connect()


def _begun(run: tracking.Run) -> RunStart:
    """Return what was known of a run when it began."""
    return RunStart(
        id=run.ref.name,
        name=run.name,
        experiment=run.experiment,
        params=run.params,
        code=run.code,
        environment=run.environment,
        seeds=run.seeds,
    )


def _captured(options: RunOptions) -> Captured:
    settings = load_settings()
    return Captured(
        notebook=options.capture,
        console=settings.capture_console if options.console is None else options.console,
        vitals=settings.capture_vitals if options.vitals is None else options.vitals,
    )


def _code(keep: Callable[[bytes], str], outer: ActiveRun | None) -> tracking.CodeState:
    if outer is not None and outer.code is not None:
        return outer.code
    return tracking.code_state(tracking.project_folder(), keep)


def _environment() -> bytes:
    return canonical_json(tracking.this_environment())


def _seeds(seed: int | None) -> dict[str, int]:
    if seed is None:
        return {"run": secrets.randbits(_SEED_BITS)}
    return tracking.plant_seeds(seed)
