"""What every source of an import can be asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from bucle.base.errors import BucleError
from bucle.interfaces.client.importing.records import (
    FoundExperiment,
    FoundFile,
    FoundLoggedModel,
    FoundModel,
    FoundOther,
    FoundRun,
    FoundTrace,
    FoundVersion,
    Point,
)


class Unreadable(BucleError):  # noqa: N818 - named by what it says of the thing, as our errors are
    """One thing of the source can not be read: it is told in the report, and the rest goes on."""

    is_absent = False  # whether the source has no such thing at all, as an older server has not


class Files(Protocol):
    """The files below one artifact root."""

    def list(self) -> Iterator[FoundFile]:
        """Yield every file; a root that is not there has none.

        Raises:
            Unreadable: the place can not be read from here.
        """
        ...

    def fetch(self, file: FoundFile, folder: Path) -> Path:
        """Return a local file with its content: the file itself, or a copy in the folder.

        Raises:
            Unreadable: it can not be read from here.
        """
        ...


class Source(Protocol):
    """A store of MLflow.

    Law: everything comes in an order that stays, and nothing in the store is changed.
    """

    @property
    def where(self) -> str:
        """The store, as a person would write it."""
        ...

    @property
    def silent_on(self) -> tuple[str, ...]:
        """What a store of this kind does not tell, in sentences."""
        ...

    def experiments(self) -> Iterator[FoundExperiment]:
        """Yield the experiments of every stage."""
        ...

    def runs(self, experiment: FoundExperiment) -> Iterator[FoundRun]:
        """Yield an experiment's runs of every stage, the oldest first."""
        ...

    def points(self, run: FoundRun) -> list[Point]:
        """Return every metric point of a run."""
        ...

    def files_of_run(self, run: FoundRun) -> Files:
        """Return the files of a run."""
        ...

    def logged_models(self, experiment: FoundExperiment) -> Iterator[FoundLoggedModel]:
        """Yield an experiment's logged models."""
        ...

    def files_of_logged_model(self, model: FoundLoggedModel) -> Files:
        """Return the files of a logged model."""
        ...

    def models(self) -> Iterator[FoundModel]:
        """Yield the registered models, and the prompts that MLflow keeps among them."""
        ...

    def versions(self, model: FoundModel) -> Iterator[FoundVersion]:
        """Yield a registered model's versions, the oldest first."""
        ...

    def traces(self, experiment: FoundExperiment) -> Iterator[FoundTrace]:
        """Yield an experiment's traces."""
        ...

    def spans(self, trace: FoundTrace) -> list[dict[str, Any]]:
        """Return a trace's spans, as MLflow writes them into `traces.json`.

        Raises:
            Unreadable: they can not be read from here.
        """
        ...

    def others(self) -> Iterator[FoundOther]:
        """Yield what else the store holds; asked last, when the traces were yielded.

        Prompts are not among them: they are yielded with the models.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
