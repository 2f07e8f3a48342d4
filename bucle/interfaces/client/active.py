"""`ActiveRun`: a run that this process writes to.

What it says goes to the spool first (see `spool/writer.py`), so that no call waits for a network
and nothing that was said is lost.
"""

import atexit
import logging
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from bucle.base.clock import Clock, SystemClock, open_clock
from bucle.base.codec import canonical_json
from bucle.base.errors import BucleError, Conflict, NotFound
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.base.usage import Meter, measure
from bucle.interfaces.client.artifacts import as_content
from bucle.interfaces.client.captures import (
    CONSOLE_PATH,
    Console,
    Vitals,
    find_notebook,
    read_console,
    tee,
)
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.datasets import read_version
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.spool import SpoolWriter
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle import tracking
from bucle.lifecycle.data import DatasetVersion
from bucle.lifecycle.tracking import Artifact, Run, RunStart, Scalar, Status
from bucle.lifecycle.tracking.alive import checked_params, checked_tags
from bucle.lifecycle.tracking.files import checked_path

if TYPE_CHECKING:
    import pyarrow as pa

_ERROR_LIMIT = 16_000
_LOG = logging.getLogger("bucle.spool")


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """What is captured while a run goes on; output and vitals in a `with` block only."""

    notebook: bool = False
    console: bool = False
    vitals: bool = False


class ActiveRun:
    """A run that this process writes to; any thread may use it.

    `owned`: this object began the run and ends it; otherwise a pipeline does.
    """

    def __init__(
        self,
        client: Client,
        start: RunStart,
        writer: SpoolWriter | None = None,
        *,
        captured: Captured = Captured(),  # noqa: B008 - it is frozen
        owned: bool,
    ) -> None:
        self.client = client
        self.ref = Ref("run", start.id)
        self._start = start
        self._writer = writer  # None: it has said nothing yet
        self._captured = captured
        self._owned = owned
        self._ended = False
        self._params = dict(start.params)
        self._stack = ExitStack()
        self._meter: Meter | None = self._stack.enter_context(measure()) if owned else None
        self._ambient: list[ExitStack] = []
        atexit.register(self._end_at_exit)

    def __repr__(self) -> str:
        return f"ActiveRun({self._start.name!r}, {self.ref})"

    @property
    def code(self) -> tracking.CodeState | None:
        """The code that was captured; None where that was not asked for."""
        return self._start.code

    @property
    def environment(self) -> str | None:
        """The digest of the environment that was captured; None where that was not asked for."""
        return self._start.environment

    @property
    def experiment(self) -> str:
        """The experiment that the run is part of."""
        return self._start.experiment

    @property
    def seed(self) -> int:
        """The run's seed, for what takes one by hand (`random_state=run.seed`)."""
        return self._start.seeds.get("run", 0)

    @property
    def record(self) -> Run:
        """The run as it is known by now, with what is still on its way sent first."""
        self.flush()
        found: Run = self.client.call("tracking.get", ref=self.ref)
        return found

    @property
    def writer(self) -> SpoolWriter:
        """Where the run says what it says."""
        if self._writer is None:
            self._writer = open_writer(self.client, self.ref)
        return self._writer

    def log_param(self, name: str, value: object) -> None:
        """Give the run a parameter, which then stays what it is."""
        self.log_params({name: value})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Give the run parameters, which then stay what they are.

        Raises:
            Conflict: the run has another value under one of the names.
            Invalid: a parameter that can not be kept.
        """
        plain = checked_params({name: scalar(value) for name, value in params.items()})
        for name, value in plain.items():
            said = self._params.get(name, value)
            if canonical_json(said) != canonical_json(value):
                raise Conflict(
                    f"parameter {name!r} of {self.ref} is {said!r} and can not become {value!r}",
                    hint="parameters stay; start a new run, or use a tag",
                )
        self.writer.say("tracking.log_params", {"ref": self.ref, "params": plain})
        self._params |= plain

    def log_metric(self, name: str, value: object, *, step: int | None = None) -> None:
        """Add a point to a series; without a step, the one after the last.

        Raises:
            Invalid: the value is no number.
        """
        (self._writer or self.writer).point(name, step, value)

    def log_metrics(self, metrics: Mapping[str, object], *, step: int | None = None) -> None:
        """Add a point to each of some series: to all of them, or to none.

        Raises:
            Invalid: a value is no number.
        """
        (self._writer or self.writer).points(metrics, step)

    def log_series(
        self, name: str, values: Sequence[float], *, steps: Sequence[int] | None = None
    ) -> None:
        """Add many points of one series at once; without steps, those after the last.

        Raises:
            Invalid: the values are no numbers, or there are not as many steps.
        """
        self.writer.column(name, values, steps)

    def log_artifact(self, artifact: object, path: str = "") -> Artifact:
        """Keep a file with the run: a path, bytes, text, a figure, a table or a data frame.

        Raises:
            Invalid: nothing is known of how to keep it, or it needs a path to be named by.
        """
        content, path = as_content(artifact, path)
        kept = Artifact(
            run=self.ref,
            path=checked_path(path),
            digest=self.writer.keep(content),
            size_bytes=content.stat().st_size if isinstance(content, Path) else len(content),
            logged_at=clock_of(self.client).now(),
        )
        file = Upload(digest=kept.digest)
        fields = {"ref": self.ref, "path": kept.path, "file": file}
        self.writer.say("tracking.log_artifact", fields)
        return kept

    def read_artifact(self, path: str) -> bytes:
        """Return the bytes of a file that the run kept."""
        self.flush()
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
        fields = {"ref": self.ref, "other": ref, "detail": detail}
        self.writer.say("tracking.add_input", fields)

    def add_output(self, ref: Ref, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
        """Note that the run made something; also after it has ended."""
        self._say_always("tracking.add_output", {"ref": self.ref, "other": ref, "detail": detail})

    def tag(self, **tags: object) -> None:
        """Set tags of the run; also after it has ended."""
        plain = checked_tags({name: str(value) for name, value in tags.items()})
        self._say_always("tracking.set_tags", {"ref": self.ref, "tags": plain})

    def flush(self) -> None:
        """Send what is still on its way.

        Raises:
            BucleError: the server does not answer, or did not want something.
        """
        if self._writer is not None:
            self._writer.flush()

    def end(self, status: Status = "finished", *, error: str = "") -> None:
        """Send what is left and end the run; doing so again changes nothing.

        Where the server does not answer, what is left stays in the spool and is delivered by
        the next run or by `bucle tracking sync`; a warning says so.

        Raises:
            BucleError: the server did not want something of what was said.
        """
        if self._ended:
            return
        try:
            self._stream_console()
            self._keep_notebook()
        except BucleError as problem:
            _LOG.warning("what %s captured could not be kept: %s", self.ref, problem)
        self._ended = True
        atexit.unregister(self._end_at_exit)
        self._stack.close()
        if self._writer is None and not self._owned:
            return
        usage = self._meter.usage() if self._meter else None
        last = {
            "ref": self.ref,
            "status": status,
            "usage": usage,
            "error": error[-_ERROR_LIMIT:],
            "ended_at": clock_of(self.client).now(),
        }
        if left := self.writer.close(last if self._owned else None):
            _LOG.warning("%s waits in the spool (%s); bucle tracking sync", self.ref, left)

    def __enter__(self) -> Self:
        ambient = ExitStack()
        ambient.enter_context(tracking.within(self.ref, session_of(self.client)))
        token = ACTIVE.set(self)
        ambient.callback(ACTIVE.reset, token)
        self._ambient.append(ambient)
        if self._meter is not None:
            self._begin_captures(self._meter, ambient)
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

    def _begin_captures(self, meter: Meter, until: ExitStack) -> None:
        """Capture, until the end of a block, what was asked for."""
        if self._captured.console:
            console = Console(self.writer.folder)
            until.callback(console.close)
            until.enter_context(tee(console))
        if self._captured.console or self._captured.vitals:
            log = partial(self.log_metrics, step=None) if self._captured.vitals else None
            vitals = Vitals(meter, log, self._stream_console)
            until.callback(vitals.stop)

    def _stream_console(self) -> None:
        """Keep the output so far as an artifact, if there is any."""
        if self._captured.console and (content := read_console(self.writer.folder)):
            self.log_artifact(content, CONSOLE_PATH)

    def _keep_notebook(self) -> None:
        """Keep the notebook that the run was started from, with the outputs that it has by now."""
        if self._captured.notebook and (notebook := find_notebook()):
            for path, content in notebook.files.items():
                self.log_artifact(content, path)
            self.tag(**{"notebook": notebook.name, "notebook.digest": notebook.digest})

    def _say_always(self, operation: str, fields: dict[str, Any]) -> None:
        """Say it through the spool; after the run's end, to the server."""
        if self._ended:
            self.client.call(operation, **fields)
        else:
            self.writer.say(operation, fields)

    def _end_at_exit(self) -> None:
        """End a run that no `with` block ended, as the program ended."""
        status, text = _ending(getattr(sys, "last_value", None))
        self.end(status, error=text)


ACTIVE: ContextVar[ActiveRun | None] = ContextVar("bucle_active_run", default=None)


def open_writer(client: Client, ref: Ref, after: ActiveRun | None = None) -> SpoolWriter:
    """Begin to write to a run; `after` is the one that it is a part of."""
    clock = clock_of(client)
    return SpoolWriter(
        client,
        ref,
        _machine_ms if isinstance(clock, SystemClock) else partial(_clock_ms, clock),
        after=after.writer if after else None,
        at_once=session_of(client) is not None,
    )


def session_of(client: Client) -> Any:  # noqa: ANN401 - a session, or None at a server
    """Return the session of a client that works in this process; or None."""
    return client.transport.session if isinstance(client.transport, InProcess) else None


def clock_of(client: Client) -> Clock:
    """Return the clock that a client's runs go by."""
    session = session_of(client)
    clock: Clock = session.drivers.clock if session else open_clock(load_settings().clock_url)
    return clock


def scalar(value: object) -> Scalar:
    """Return a parameter as it is kept: a scalar as itself, anything else as its text."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _machine_ms() -> int:
    return time.time_ns() // 1_000_000


def _clock_ms(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1000)


def _ending(error: BaseException | None) -> tuple[Status, str]:
    """Return how a run ends with an error, if there is one."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished", ""
    text = "".join(traceback.format_exception(error))
    return ("killed" if isinstance(error, KeyboardInterrupt) else "failed"), text
