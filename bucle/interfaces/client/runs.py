"""`bucle.run(...)`: a run of the SDK, with everything that it depends on captured unasked.

    with bucle.run("train", params={"depth": 3}) as run:
        table = run.use("trips@main")
        run.log_metric("mae", 12.5)

Code, environment, machine, seed, usage and the error, if there is one, need no word.  Inside
the block (and inside a pipeline's step) `bucle.log_metric(...)` and its like mean that run.
"""

import atexit
import secrets
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from functools import cache
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from bucle.base.clock import Clock, open_clock
from bucle.base.codec import canonical_json
from bucle.base.errors import BucleError, Conflict, Invalid, NotFound
from bucle.base.ids import new_id
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.base.usage import Meter, measure
from bucle.interfaces.client.artifacts import as_content
from bucle.interfaces.client.buffer import Point, PointBuffer
from bucle.interfaces.client.client import Client, connect
from bucle.interfaces.client.datasets import read_version
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle import tracking
from bucle.lifecycle.data import DatasetVersion
from bucle.lifecycle.tracking import Artifact, MetricPoints, Run, RunStart, Scalar, Status

if TYPE_CHECKING:
    import pyarrow as pa

_SEED_BITS = 32


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is seldom said of a run."""

    kind: str = "training"
    tags: dict[str, str] = {}
    capture: bool = True  # code, environment and machine


class ActiveRun:
    """A run that this process writes to; any thread may use it.

    `owned`: this object began the run and ends it; otherwise a pipeline does.
    """

    def __init__(self, client: Client, run: Run, *, owned: bool) -> None:
        self.client = client
        self._run = run
        self._owned = owned
        self._ended = False
        self._steps: dict[str, int] = {}
        self._clock = _clock_of(client)
        self._points = PointBuffer(self._send_points, lambda: new_id(self._clock.now()))
        self._stack = ExitStack()
        self._meter: Meter | None = self._stack.enter_context(measure()) if owned else None
        self._ambient: list[ExitStack] = []
        atexit.register(self._end_at_exit)

    def __repr__(self) -> str:
        return f"ActiveRun({self._run.name!r}, {self.ref})"

    @property
    def ref(self) -> Ref:
        """The name of the run."""
        return self._run.ref

    @property
    def code(self) -> tracking.CodeState | None:
        """The code that was captured; None where that was not asked for."""
        return self._run.code

    @property
    def environment(self) -> str | None:
        """The digest of the environment that was captured; None where that was not asked for."""
        return self._run.environment

    @property
    def experiment(self) -> str:
        """The experiment that the run is part of."""
        return self._run.experiment

    @property
    def seed(self) -> int:
        """The run's seed, for what takes one by hand (`random_state=run.seed`)."""
        return self._run.seeds.get("run", 0)

    @property
    def record(self) -> Run:
        """The run as it is known by now, with points that are still on their way sent first."""
        self.flush()
        found: Run = self.client.call("tracking.get", ref=self.ref)
        return found

    def log_param(self, name: str, value: object) -> None:
        """Give the run a parameter, which then stays what it is."""
        self.log_params({name: value})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Give the run parameters, which then stay what they are.

        Raises:
            Conflict: the run has another value under one of the names.
        """
        plain = {name: _scalar(value) for name, value in params.items()}
        self.client.call("tracking.log_params", ref=self.ref, params=plain)

    def log_metric(self, name: str, value: object, *, step: int | None = None) -> None:
        """Add a point to a series; without a step, the one after the last."""
        self.log_metrics({name: value}, step=step)

    def log_metrics(self, metrics: Mapping[str, object], *, step: int | None = None) -> None:
        """Add a point to each of some series; points travel in batches of a second."""
        if self._ended:
            raise Conflict(f"{self.ref} has ended", hint="start a new run")
        at_ms = int(self._clock.now().timestamp() * 1000)
        self._points.add(
            [
                Point(name, self._step(name, step), at_ms, _number(name, value))
                for name, value in metrics.items()
            ]
        )

    def log_artifact(self, artifact: object, path: str = "") -> Artifact:
        """Keep a file with the run: a path, bytes, text, a figure, a table or a data frame.

        Raises:
            Invalid: nothing is known of how to keep it, or it needs a path to be named by.
        """
        content, path = as_content(artifact, path)
        kept: Artifact = self.client.call(
            "tracking.log_artifact", ref=self.ref, file=self.client.upload(content), path=path
        )
        return kept

    def read_artifact(self, path: str) -> bytes:
        """Return the bytes of a file that the run kept."""
        for artifact in self.client.call("tracking.artifacts", ref=self.ref):
            if artifact.path == path:
                return self.client.get_content(artifact.digest)
        raise NotFound(
            f"{self.ref} has no artifact {path!r}", hint=f"bucle tracking artifacts {self.ref}"
        )

    def use(self, dataset: str | Ref, *, columns: Sequence[str] | None = None) -> "pa.Table":
        """Read a dataset's version as a table, and note that the run read it."""
        ref = dataset if isinstance(dataset, Ref) else Ref.parse(dataset, kind="dataset")
        version: DatasetVersion = self.client.call("data.get", ref=ref)
        table = read_version(version, self.client.content_file, columns=columns)
        self.add_input(version.ref, rows=table.num_rows, files=len(version.files))
        return table

    def add_input(self, ref: Ref, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
        """Note that the run read something."""
        self.client.call("tracking.add_input", ref=self.ref, other=ref, detail=detail)

    def add_output(self, ref: Ref, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
        """Note that the run made something."""
        self.client.call("tracking.add_output", ref=self.ref, other=ref, detail=detail)

    def tag(self, **tags: object) -> None:
        """Set tags of the run; also after it has ended."""
        plain = {name: str(value) for name, value in tags.items()}
        self.client.call("tracking.set_tags", ref=self.ref, tags=plain)

    def flush(self) -> None:
        """Send the points that are still on their way."""
        self._points.flush()

    def end(self, status: Status = "finished", *, error: str = "") -> None:
        """Send what is left and end the run; doing so again changes nothing."""
        if self._ended:
            return
        self._ended = True
        atexit.unregister(self._end_at_exit)
        try:
            self._points.close()
        finally:
            self._stack.close()
            if self._owned:
                usage = self._meter.usage() if self._meter else None
                self.client.call(
                    "tracking.finish", ref=self.ref, status=status, usage=usage, error=error
                )

    def __enter__(self) -> Self:
        ambient = ExitStack()
        ambient.enter_context(tracking.within(self.ref, _session_of(self.client)))
        token = _ACTIVE.set(self)
        ambient.callback(_ACTIVE.reset, token)
        self._ambient.append(ambient)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ambient.pop().close()
        status, text = _ending(error)
        try:
            self.end(status, error=text)
        except BucleError as second:
            if error is None:
                raise
            error.add_note(f"and {self.ref} could not be ended: {second}")

    def _step(self, name: str, step: int | None) -> int:
        step = self._steps.get(name, -1) + 1 if step is None else step
        self._steps[name] = step
        return step

    def _send_points(self, points: MetricPoints) -> None:
        fields = {name: getattr(points, name) for name in points.__struct_fields__}
        self.client.call("tracking.log_points", ref=self.ref, **fields)

    def _end_at_exit(self) -> None:
        """End a run that no `with` block ended, as the program ended."""
        status, text = _ending(getattr(sys, "last_value", None))
        self.end(status, error=text)


_ACTIVE: ContextVar[ActiveRun | None] = ContextVar("bucle_active_run", default=None)


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
    start = RunStart(
        name=name,
        kind=options.kind,
        experiment=experiment or (outer.experiment if outer else "default"),
        params={key: _scalar(value) for key, value in (params or {}).items()},
        tags=options.tags,
        parent=outer.ref if outer else None,
        code=_code(client, outer) if options.capture else None,
        environment=client.put_content(_environment()) if options.capture else None,
        host=tracking.capture_host(),
        seeds=_seeds(seed),
    )
    fields = {field: getattr(start, field) for field in start.__struct_fields__}
    return ActiveRun(client, client.call("tracking.start", **fields), owned=True)


def find_active_run() -> ActiveRun | None:
    """Return the run of the innermost `with bucle.run(...)` or pipeline step; or None."""
    ambient = tracking.ambient_run()
    if ambient is None:
        return None
    active = _ACTIVE.get()
    if active is None or active.ref != ambient.run:
        client = Client(InProcess(ambient.session)) if ambient.session else default_client()
        known = client.call("tracking.get", ref=ambient.run)
        active = ActiveRun(client, known, owned=False)
        ambient.closing.callback(active.end)
        _ACTIVE.set(active)
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


def _code(client: Client, outer: ActiveRun | None) -> tracking.CodeState:
    if outer is not None and outer.code is not None:
        return outer.code
    return tracking.code_state(tracking.project_folder(), client.put_content)


def _environment() -> bytes:
    return canonical_json(tracking.this_environment())


def _seeds(seed: int | None) -> dict[str, int]:
    if seed is None:
        return {"run": secrets.randbits(_SEED_BITS)}
    return tracking.plant_seeds(seed)


def _ending(error: BaseException | None) -> tuple[Status, str]:
    """Return how a run ends with an error, if there is one."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished", ""
    text = "".join(traceback.format_exception(error))
    return ("killed" if isinstance(error, KeyboardInterrupt) else "failed"), text


def _session_of(client: Client) -> Any:  # noqa: ANN401 - a session, or None at a server
    return client.transport.session if isinstance(client.transport, InProcess) else None


def _clock_of(client: Client) -> Clock:
    session = _session_of(client)
    return session.drivers.clock if session else open_clock(load_settings().clock_url)


def _scalar(value: object) -> Scalar:
    """Return a parameter as it is kept: a scalar as itself, anything else as its text."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _number(name: str, value: object) -> float:
    """Return a metric's value; NumPy's and PyTorch's scalars are numbers too.

    Raises:
        Invalid: it is no number.
    """
    if isinstance(value, Real) or hasattr(value, "__float__"):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise Invalid(f"metric {name!r} is no number: {value!r}") from error
    raise Invalid(f"metric {name!r} is no number: {value!r}", hint="give it a float")
