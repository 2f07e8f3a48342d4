"""`Client`: every operation of an installation, in this process or at a server.

The rooms (`client.registry.promote(...)`) are typed and generated from the operation table;
`client.call("registry.promote", ...)` is what they do.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from msgspec import UNSET
from msgspec.structs import asdict

from bucle.base.codec import to_builtins
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.interfaces.client.datasets import Dataset, parquet_of
from bucle.interfaces.client.folders.checkout import Checkout, Wanted, checkout, list_tree
from bucle.interfaces.client.folders.commit import Folders, paths_of_files
from bucle.interfaces.client.folders.open import open_place
from bucle.interfaces.client.local import open_in_process
from bucle.interfaces.client.rooms import Rooms
from bucle.interfaces.client.transport import Progress, Transport, silent
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.filling import fill
from bucle.interfaces.operations.shape import Node, fields_of, item_of, record_of
from bucle.interfaces.operations.table import AnyOperation, row_named

if TYPE_CHECKING:  # a verb that reads the metadata only starts sooner without Arrow
    import pyarrow as pa

    from bucle.interfaces.operations.features import TrainingSet
    from bucle.lifecycle.data import TreeFile
    from bucle.lifecycle.features import FeatureView, RegisteredView


_COMMIT = "data.commit"  # takes folders, too


class Client(Rooms):
    """A caller's way into one project of one installation."""

    def __init__(self, transport: Transport, *, progress: Progress = silent) -> None:
        self.transport = transport
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.transport.where!r}, project={self.project!r})"

    @property
    def project(self) -> str:
        """The project that calls are made in."""
        return self.transport.project

    def call(self, operation: str, /, **fields: Any) -> Any:  # noqa: ANN401 - the row's fields and response
        """Run an operation by its name, with the fields of its request.

        A field that takes an upload gets a path, bytes, or an `Upload` made before.

        Raises:
            BucleError: whatever the operation refuses, denies or does not find.
        """
        row = row_named(operation)
        given = {name: value for name, value in fields.items() if value is not UNSET}
        prepared, keep = self.prepare(row, given)
        answer = self.run(row, prepared)
        keep()
        return answer

    def prepare(
        self, row: AnyOperation, fields: dict[str, Any]
    ) -> tuple[dict[str, Any], Callable[[], None]]:
        """Store what fields hold (paths, bytes, folders), and put what was stored there.

        Returns the fields, and what to call when the operation went well.
        """
        paths = paths_of_files(self.call, fields) if row.name == _COMMIT else None
        if paths is None:
            return self.with_uploads(row, fields), _nothing
        head = f"{fields.get('name')}@{fields.get('branch') or 'main'}"
        folders = Folders(head, paths, self.transport, self.call, self._progress)
        sent = {"files": (), "kind": "files", "tree": folders.sent()}
        return {**fields, **sent}, folders.kept

    def run(self, row: AnyOperation, fields: dict[str, Any], *, strict: bool = True) -> Any:  # noqa: ANN401 - the row's response
        """Run an operation on plain values, records and refs."""
        return self.transport.call(row, fill(row.request, to_builtins(fields), strict=strict))

    def put_content(self, content: bytes | Path) -> str:
        """Store bytes or a file, unless they are there, and return their digest."""
        return self.transport.put_content(content, self._progress)

    def get_content(self, digest: str) -> bytes:
        """Return stored content, checked against its digest."""
        return self.content_file(digest).read_bytes()

    def content_file(self, digest: str) -> Path:
        """Return a file with stored content; it must not be changed."""
        return self.transport.content_file(digest, self._progress)

    def upload(self, content: bytes | str | Path | Upload) -> Upload:
        """Store a file (or bytes), and return what a request says of it."""
        if isinstance(content, Upload):
            return content
        if isinstance(content, bytes):
            return Upload(digest=self.put_content(content))
        path = Path(content)
        if not path.is_file():
            raise Invalid(f"{path} is not a file", hint="check the path")
        return Upload(digest=self.put_content(path), name=path.name)

    def dataset(self, name: str) -> Dataset:
        """Return a dataset to commit to and to read; it need not exist yet."""
        return Dataset(name, call=self.call, put=self.put_content, get=self.content_file)

    def sql(self, statement: str, *, timeout: float = 60.0) -> "pa.Table":
        """Ask dataset versions in SQL (`SELECT ... FROM trips@3`), and return the whole answer.

        Raises:
            Invalid: it is no SQL, or asks for a column that is not there; the place is named.
            NotFound: no such dataset or version.
            Refused: it ran longer than `timeout` seconds.
        """
        import pyarrow as pa

        answer = self.call("data.sql", sql=statement, format="arrow", limit=1, timeout=timeout)
        with pa.memory_map(str(self.content_file(answer.digest))) as file:
            return pa.ipc.open_stream(file).read_all()

    def checkout(
        self,
        ref: Ref | str,
        target: str | Path,
        *,
        prefix: str = "",
        glob: str = "",
        force: bool = False,
    ) -> Checkout:
        """Make a folder hold the files of a version; of a table, its Parquet files.

        Only what differs is written.  Files that no version had stay.

        Args:
            ref: the version, as `photos@3`.
            target: the folder; it is made.
            prefix: what the paths begin with; left out, all.
            glob: what the paths match, such as `*.jpg`; left out, all.
            force: write over files that were changed.

        Raises:
            NotFound: no such version.
            Refused: files were changed, and would be lost; they are named.
        """
        wanted = Wanted(ref=str(ref), target=Path(target), prefix=prefix, glob=glob, force=force)
        return checkout(self.transport, self.call, wanted, self._progress)

    def list_files(
        self, ref: Ref | str, *, prefix: str = "", glob: str = ""
    ) -> "Iterator[TreeFile]":
        """Yield the files of a version by their paths: path, size and digest of each."""
        return list_tree(self.call, ref, prefix=prefix, glob=glob)

    def open_file(self, ref: Ref | str, path: str) -> BinaryIO:
        """Open a file of a version to be read; of a large one, only what is read is fetched.

        Raises:
            NotFound: no such version, or no such file in it.
        """
        (place,) = self.call("data.locate", ref=str(ref), paths=[path])
        return open_place(self.transport, place)

    def register_view(self, view: "FeatureView") -> "RegisteredView":
        """Register a feature view that was defined in Python; a changed one is a new version."""
        made: RegisteredView = self.run(row_named("features.register"), asdict(view))
        return made

    def training_set(
        self, entities: object, views: Sequence[str], *, at: str = "at", known: bool = True
    ) -> "pa.Table":
        """Join feature views to entities, as they were known at each entity's moment.

        `entities` is a table, a data frame or a list of dicts with the views' keys and the
        moments in the column `at`; its rows and columns all stay.  Of a view that says since when
        a row was known (`created`), rows are seen from then on; without `known` from their time
        on, as is known today.
        """
        import pyarrow.parquet as pq

        made = self._trained(parquet_of(entities), "entities.parquet", views, at, known=known)
        return pq.read_table(self.content_file(made.digest))

    def write_training_set(
        self,
        entities: str | Path,
        views: Sequence[str],
        path: str | Path,
        *,
        at: str = "at",
        known: bool = True,
    ) -> "TrainingSet":
        """Make a training set of a file with entities, and write it to a Parquet file.

        As `training_set`, of files of any size: neither is ever held in memory.
        """
        source = Path(entities)
        if not source.is_file():
            raise Invalid(f"{source} is not a file", hint="check the path")
        made = self._trained(source, source.name, views, at, known=known)
        shutil.copyfile(self.content_file(made.digest), path)
        return made

    def _trained(
        self, entities: bytes | Path, name: str, views: Sequence[str], at: str, *, known: bool
    ) -> "TrainingSet":
        asked = Upload(digest=self.put_content(entities), name=name)
        made: TrainingSet = self.call(
            "features.train", entities=asked, views=list(views), at=at, known=known
        )
        return made

    def close(self) -> None:
        """Let go of connections and files."""
        self.transport.close()

    def with_uploads(self, row: AnyOperation, fields: dict[str, Any]) -> dict[str, Any]:
        """Store what the upload fields hold (paths, bytes), and put what was stored there."""
        nodes = {name: field.type for name, field in fields_of(row.request).items()}
        return {
            name: self._uploaded(nodes[name], value) if name in nodes else value
            for name, value in fields.items()
        }

    def _uploaded(self, node: Node, value: Any) -> Any:  # noqa: ANN401 - any field's value
        if value is None:
            return None
        if record_of(node) is Upload:
            return self.upload(value)
        item = item_of(node)
        if item is None or record_of(item) is not Upload:
            return value
        several = [value] if isinstance(value, str | bytes | Path | Upload) else value
        return [self.upload(one) for one in several]


def _nothing() -> None:
    """Do nothing: nothing is to be remembered."""


def connect(
    url: str | None = None,
    *,
    token: str | None = None,
    project: str | None = None,
    progress: Progress = silent,
) -> Client:
    """Open a client: at a server where there is a URL, else in this process.

    Without arguments the settings decide: `BUCLE_SERVER_URL`, `BUCLE_TOKEN`, `BUCLE_PROJECT`.

    A server is reached at the first call, not here.

    Raises:
        Invalid: a setting is wrong, or the database is of another release.
        Denied: the token is not valid.
    """
    given = {"BUCLE_SERVER_URL": url, "BUCLE_TOKEN": token, "BUCLE_PROJECT": project}
    asked = {name: value for name, value in given.items() if value is not None}
    settings = load_settings({**os.environ, **asked})
    if not settings.server_url:
        return Client(open_in_process(settings), progress=progress)
    from bucle.interfaces.client.remote import OverHttp  # lazy: most clients need no HTTP

    home = settings.home_path
    remote = OverHttp(settings.server_url, settings.token, settings.project, home=home)
    return Client(remote, progress=progress)
