"""`/api/v1/{project}/content/{digest}`: large bytes in and out, under their digest.

A digest is as good as a secret: who may read one kind of thing in the project may read content
whose digest it knows.  Content is never masked: it is closed to who may read a project's data, but
not what is sensitive in them.
"""

from bucle.base.errors import Denied, NotFound
from bucle.drivers.blobs.content import content_key
from bucle.governance.permissions import Permission
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.http.answers import Answer, Request, json_answer
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.http.transfers import Transfers
from bucle.lifecycle.data.sensitivity.follow import closed_projects

READERS = (Permission.RUN_READ, Permission.DATASET_READ, Permission.MODEL_READ)
WRITERS = (
    Permission.RUN_WRITE,
    Permission.DATASET_WRITE,
    Permission.MODEL_WRITE,
    Permission.FEEDBACK_WRITE,
)
_MEDIA_TYPE = "application/octet-stream"


class Contents:
    """The content store of a house, over HTTP."""

    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads
        self._transfers = Transfers(house.drivers, threads)

    async def answer(
        self, request: Request, actor: Principal, project: str, rest: list[str]
    ) -> Answer:
        """Store (PUT), send (GET) or look up (HEAD) one content."""
        if len(rest) != 1:
            raise NotFound("content lies under its digest", hint="/content/<64 hexadecimal digits>")
        digest = rest[0]
        content_key(digest)
        if request.method == "PUT":
            _require_any(actor, project, WRITERS)
            return await self._put(request, digest)
        if request.method not in {"GET", "HEAD"}:
            problem = Problem(error="Invalid", message=f"content knows no {request.method}")
            return json_answer(problem, status=405, headers=(("allow", "GET, HEAD, PUT"),))
        _require_any(actor, project, READERS)
        await self._threads.quick(self._require_visible, actor, project)
        if request.method == "HEAD":
            return await self._threads.quick(self._head, digest)
        asked = request.headers.get("range", "")
        return await self._threads.quick(self._transfers.answer, digest, asked)

    async def _put(self, request: Request, digest: str) -> Answer:
        async with self._transfers.received(request) as draft:
            await self._threads.quick(self._transfers.keep, draft, digest=digest)
        return json_answer({"digest": digest}, status=201)

    def _require_visible(self, actor: Principal, project: str) -> None:
        """Go on only if the digest can not be that of rows that the caller sees masked.

        Of any project: a digest that was learned in one could be asked for in another.
        """
        if all(actor.may(Permission.SENSITIVE_READ, each.project) for each in actor.grants):
            return
        with self._house.session(actor, project).begin(write=False) as scope:
            if closed := closed_projects(scope):
                raise Denied(
                    f"{actor.name!r} may not sensitive:read in project {closed[0]!r}, and content "
                    "is not masked",
                    hint="read rows with bucle data read <dataset>, which masks them",
                )

    def _head(self, digest: str) -> Answer:
        blobs, key = self._house.drivers.blobs, content_key(digest)
        blobs.refresh(key)  # who asks need not send it, and relies on its staying
        length = blobs.size(key)
        return Answer(length=length, media_type=_MEDIA_TYPE, headers=(("accept-ranges", "bytes"),))


def _require_any(actor: Principal, project: str, permissions: tuple[Permission, ...]) -> None:
    if not any(actor.may(permission, project) for permission in permissions):
        wanted = " or ".join(permissions)
        raise Denied(
            f"{actor.name!r} may not {wanted} in project {project!r}",
            hint=f"ask an owner to type: bucle access grant {actor.name} <role>",
        )
