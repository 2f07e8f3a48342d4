"""A line to an installation that can be cut, and that can lose the answers of what arrived."""

from pathlib import Path

from bucle.base.errors import Unavailable
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.places import place_of
from bucle.interfaces.client.transport import silent


class Line:
    """A transport to somebody else's installation, as `OverHttp` is; see `Transport`."""

    project = "default"
    where = "line://there"

    def __init__(self, there: InProcess, home: Path) -> None:
        self.there = there
        self.spool_path = place_of(home, self.where, self.project)
        self.is_cut = False
        self.answers_to_lose = 0
        self.told: list[str] = []  # operations that arrived

    def call(self, row, request):
        self._up()
        self.told.append(row.name)
        answer = self.there.call(row, request)
        self._lose()
        return answer

    def put_content(self, content, progress=silent):
        self._up()
        digest = self.there.put_content(content, progress)
        self._lose()
        return digest

    def content_file(self, digest, progress=silent):
        self._up()
        return self.there.content_file(digest, progress)

    def close(self) -> None:
        """Nothing was opened."""

    def _up(self) -> None:
        if self.is_cut:
            raise Unavailable("the line is cut")

    def _lose(self) -> None:
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise Unavailable("the answer was lost")
