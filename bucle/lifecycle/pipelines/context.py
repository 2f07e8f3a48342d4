"""What a step's code may ask of the house while it runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle.data import get_version, read_table
from bucle.lifecycle.tracking import add_input
from bucle.lifecycle.tracking.ambient import within


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """The step that runs here: its run, its project, and a session as who started it."""

    session: Session
    run: Ref
    folder: Path
    params: Mapping[str, object]  # of the pipeline

    def use(self, dataset: str | Ref) -> pa.Table:
        """Read a dataset and note that this step did.

        A version that the step chose by itself (the newest, a tag) is part of what its value
        depends on: when that version changes, the value is made anew.

        Raises:
            NotFound: no such dataset or version.
        """
        with self.session.begin(write=False) as scope:
            version = get_version(scope, dataset)
        table = read_table(self.session, version)
        with self.session.begin() as scope:
            read = {"rows": table.num_rows, "files": len(version.files), "asked": str(dataset)}
            add_input(scope, self.run, version.ref, **read)
        return table


_current: ContextVar[StepContext | None] = ContextVar("step_context", default=None)


def current() -> StepContext:
    """Return the context of the step that runs here.

    Raises:
        Invalid: no step runs here, as when its function is called by a test.
    """
    context = _current.get()
    if context is None:
        raise Invalid("no step of a pipeline runs here", hint="call it from within a @step")
    return context


@contextmanager
def entered(context: StepContext) -> Iterator[None]:
    """Let a context be the current one, and its run the one that is logged to."""
    token = _current.set(context)
    try:
        with within(context.run, context.session):
            yield
    finally:
        _current.reset(token)
