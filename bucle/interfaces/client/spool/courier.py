"""`Courier`: brings what lies in a spool to a server, each thing once.

Everything is told in a way that may be told twice: a run's id is made here, parameters stay what
they are, a parcel of points is known by its writer and its first number.  So what was under way
when a process died is simply told again.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bucle.base.errors import BucleError, Conflict, Denied, Invalid, NotFound, Unavailable
from bucle.base.refs import Ref
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.spool.folder import Refusal, Sent, Spool, take_others
from bucle.interfaces.client.spool.journal import Call, Content, Series, Word, read_words
from bucle.interfaces.client.spool.points import count_rows, drop_rows, read_rows
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle.tracking.segments import Columns, Segment, pack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARCEL_POINTS = 50_000
_START, _FINISH = "tracking.start", "tracking.finish"


class Courier:
    """Delivers one spool; one thread at a time, others wait.

    `refusal` is what the server did not want, the first of it; it lies in the spool as well.
    """

    def __init__(
        self,
        client: Client,
        spool: Spool,
        written: Callable[[], int],
        before: Callable[[], object] = lambda: None,
    ) -> None:
        self._client = client
        self._spool = spool
        self._written = written  # how many points there are by now
        self._before = before  # what is to arrive before the run's start: the run it is part of
        self._ref = Ref("run", spool.run)
        self._names: dict[int, str] = {}
        self._read = 0  # bytes of the journal that were looked at
        self._turn = threading.Lock()
        self.started = False  # whether the run's begin was said here
        self.finished = False  # whether its end was
        self.refusal: BucleError | None = None  # None: everything was wanted

    @property
    def waiting(self) -> int:
        """How many points are still to be delivered."""
        return self._written() - self._spool.sent.points

    def deliver(self, *, strict: bool = False) -> bool:
        """Deliver everything that was said by now; tell whether there was anything.

        Args:
            strict: raise what the server does not want, and do not keep it: whoever said it
                is told, and may say something else.

        Raises:
            Denied: the token is not valid, or may not; everything stays in the spool.
            Unavailable: the server does not answer; what is left stays in the spool.
        """
        with self._turn:
            before = self._spool.sent
            points = self._written()  # before the names are read: each has its name by then
            for place, word in read_words(self._spool.journal, self._read):
                self._read = place
                if isinstance(word, Series):
                    self._names[word.code] = word.name
                elif place > self._spool.sent.journal:
                    self._tell(word, place, strict=strict)
                if isinstance(word, Call):
                    self.started |= word.operation == _START
                    self.finished |= word.operation == _FINISH
            self._send_points(points)
            return self._spool.sent != before

    def give_sign_of_life(self) -> None:
        """Let the server know that the run goes on, although it says nothing."""
        with self._turn:
            self._told("tracking.log_points", {"ref": self._ref})

    def log_file(self, path: str, content: bytes) -> None:
        """Keep a file with the run whose spool says nothing of it."""
        file = {"digest": self._client.put_content(content)}
        self._told("tracking.log_artifact", {"ref": self._ref, "path": path, "file": file})

    def finish_dead(self, error: str) -> None:
        """End a run whose process died before it said how."""
        self._told(_FINISH, {"ref": self._ref, "status": "killed", "error": error})

    def _tell(self, word: Word, place: int, *, strict: bool) -> None:
        """Tell one word, or keep it as refused; then it is done with."""
        try:
            self._say(word)
        except (Unavailable, Denied):
            self._read = min(self._read, self._spool.sent.journal)  # it is read again
            raise
        except BucleError as error:
            self._note(journal=place)
            if strict:
                raise
            what = word.operation if isinstance(word, Call) else str(word)
            self._refuse(Refusal(what=what, error=error.message, hint=error.hint), error)
        else:
            self._note(journal=place)

    def _say(self, word: Word) -> None:
        match word:
            case Content(digest=digest):
                self._put(digest)
            case Call(operation=operation, fields=fields):
                if operation == _START:
                    self._before()
                if operation == _FINISH:
                    self._send_points(self._written())
                    self._deliver_others()
                self._told(operation, fields)
            case _:
                raise Invalid(f"a line that nobody can read: {word}", hint="a power cut left it")

    def _put(self, digest: str) -> None:
        """Store content, and let go of it; what is not here was stored before."""
        file = self._spool.content(digest)
        if file.is_file():
            self._client.put_content(file)
            file.unlink()

    def _told(self, operation: str, fields: dict[str, Any]) -> None:
        """Call an operation; what was called before, or a run given up for dead, is no error."""
        row = row_named(operation)
        try:
            self._client.run(row, fields)
        except Conflict:
            if operation == _START and self._find_status() is not None:
                return
            if self._find_status() not in {"killed", "failed"}:
                raise
            # Nothing was heard of us for too long; we are alive, or were when we said it.
            self._client.call("tracking.resume", ref=self._ref)
            self._client.run(row, fields)
        except NotFound as error:
            if operation == _START and fields.get("parent"):
                raise Unavailable(
                    f"{fields['parent']}, of which {self._ref} is a part, has not arrived yet",
                    hint="bucle tracking sync",
                ) from error
            raise

    def _find_status(self) -> str | None:
        try:
            return str(self._client.call("tracking.get", ref=self._ref).status)
        except NotFound:
            return None

    def _send_points(self, until: int) -> None:
        sent = self._spool.sent
        while sent.points < until:
            end = sent.underway if sent.underway > sent.points else 0
            end = end or min(until, sent.points + PARCEL_POINTS)
            self._note(underway=end)  # should the answer be lost, the same is sent again
            self._send_parcel(sent.points, end)
            self._note(points=end, underway=0)
            sent = self._spool.sent
            drop_rows(self._spool.path, sent.points)

    def _send_parcel(self, first: int, end: int) -> None:
        rows = read_rows(self._spool.path, first, end)
        if len(rows) < end - first or not set(rows["code"].tolist()) <= self._names.keys():
            error = Invalid("rows that nobody can read", hint="a power cut left them")
            self._refuse_points(first, end, error)
            rows = rows[[code in self._names for code in rows["code"].tolist()]]
        if not len(rows):
            return
        parcel = _packed(rows, self._names)
        try:
            self._told(
                "tracking.deliver",
                {"ref": self._ref, "writer": self._spool.writer, "first": first,
                 "series": parcel.series, "body": parcel.body},
            )  # fmt: skip
        except (Unavailable, Denied):
            raise
        except BucleError as error:
            self._refuse_points(first, end, error)

    def _refuse_points(self, first: int, end: int, error: BucleError) -> None:
        what = f"{end - first} points"
        told = Refusal(what=what, error=error.message, hint=error.hint, points=(first, end))
        self._spool.keep_points(read_rows(self._spool.path, first, end).tobytes(), first)
        self._refuse(told, error)

    def _refuse(self, refusal: Refusal, error: BucleError) -> None:
        self._spool.refuse(refusal)
        self.refusal = self.refusal or error

    def _deliver_others(self) -> None:
        """Deliver what forked children of the run left: once it has ended, it takes no more."""
        for other in take_others(self._spool):
            path = other.path
            try:
                Courier(self._client, other, lambda path=path: count_rows(path)).deliver()  # type: ignore[misc]
            except BucleError:
                other.close()
                raise
            other.remove()

    def _note(self, **changed: int) -> None:
        self._spool.note(Sent(**(self._spool.sent._asdict() | changed)))


def _packed(rows: "NDArray[np.void]", names_by_code: dict[int, str]) -> Segment:
    """Pack rows as they are stored."""
    import numpy as np

    codes, place = np.unique(rows["code"], return_inverse=True)
    names = [names_by_code[code] for code in codes.tolist()]
    order_of_names = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[order_of_names] = np.arange(len(names))
    series = rank[place]
    order = np.lexsort((rows["value"], rows["at_ms"], rows["step"], series))
    columns = Columns(
        names=tuple(names[index] for index in order_of_names),
        codes=series[order],
        steps=rows["step"][order],
        times=rows["at_ms"][order],
        values=rows["value"][order],
    )
    (segment,) = pack(columns, len(rows))
    return segment
