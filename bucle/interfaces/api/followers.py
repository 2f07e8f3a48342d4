"""`/api/v1/{project}/serving-plan/...`: what model servers elsewhere need of this installation.

`follow` answers with the signed plan and an ETag, as soon as it is another one than the caller
has; until then a follower costs an entry in a table of this process, and neither a thread nor a
database connection: one loop per project writes down what all of them told, and looks for news.
"""

import asyncio
import time
from collections import OrderedDict

import msgspec

from bucle.base.errors import BucleError, Denied, Invalid, NotFound
from bucle.governance.permissions import Permission
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House
from bucle.interfaces.http.answers import Answer, Request, json_answer
from bucle.interfaces.http.identity import Credentials, credentials_of, principal_of
from bucle.interfaces.http.paths import query_of
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.http.transfers import Transfers
from bucle.lifecycle import registry, serving
from bucle.lifecycle.serving import fleet

PLAN = "serving-plan"
SEGMENTS = "prediction-segments"
_LOOP_S = 0.25
_IDLE_S = 120.0  # without a follower, nobody looks for news
_MOST_WAIT_S = 60.0
_ROLLING_WAIT_S = 2.0  # while a plan goes out, followers tell more often how they do
_REPORTS_PER_S = 200.0
_IDENTITY_S = 10.0  # so long a revoked token still follows
_IDENTITIES = 20_000
_TEXT_LIMIT = 300


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A follower's question: what it tells of itself, and how long it would wait."""

    follower: str = ""  # "": nobody that is counted
    labels: str = ""
    healthy: bool = True
    problem: str = ""
    version: str = ""
    requests: int = 0
    errors: int = 0
    wait: float = 0.0


class _Channel:
    """What this process knows of one project's fleet."""

    def __init__(self) -> None:
        self.releases: fleet.Releases | None = None  # None: no plan was published yet
        self.looked = asyncio.Event()  # set once somebody has looked for a plan
        self.news = asyncio.Event()  # replaced by another one each time it is set
        self.told: dict[str, fleet.Follower] = {}
        self.waiting = 0
        self.asked_at = time.monotonic()
        self.task: asyncio.Task[None] | None = None
        self.problem: BucleError | None = None  # None: the database answered last time
        self.contents: tuple[str, frozenset[str]] = ("", frozenset())  # of which rollout


class Followers:
    """The model servers that follow this installation."""

    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads
        self._transfers = Transfers(house.drivers, threads)
        self._channels: dict[str, _Channel] = {}
        self._known: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    @staticmethod
    def concerns(segments: list[str]) -> bool:
        """Tell whether this answers below a project."""
        match segments:
            case ["serving-plan", "follow"] | ["serving-plan", "content", _]:
                return True
            case ["prediction-segments", _, _]:
                return True
        return False

    async def answer(self, request: Request, project: str, segments: list[str]) -> Answer:
        """Answer a model server."""
        actor = await self._identify(request)
        wanted = "PUT" if segments[0] == SEGMENTS else "GET"
        if request.method != wanted:
            problem = Problem(error="Invalid", message=f"this answers to {wanted}")
            return json_answer(problem, status=405, headers=(("allow", wanted),))
        if segments[0] == SEGMENTS:
            actor.require(Permission.PREDICTION_WRITE, project)
            return await self._take_segment(request, project, segments[1], segments[2])
        actor.require(Permission.SERVING_READ, project)
        channel = self._channel(project)
        if segments[1] == "content":
            return await self._send_content(request, project, channel, segments[2])
        return await self._follow(request, channel)

    async def _identify(self, request: Request) -> Principal:
        credentials = credentials_of(request)
        if credentials is None or not credentials.bearer:
            raise Denied(
                "say who you are: Authorization: Bearer <token>",
                hint="bucle access token create, at the server's machine",
            )
        now = time.monotonic()
        known = self._known.get(credentials.bearer)
        if known is not None and now < known[1]:
            return known[0]
        found = await self._threads.quick(
            principal_of, self._house, Credentials(bearer=credentials.bearer)
        )
        self._known[credentials.bearer] = (found, now + _IDENTITY_S)
        self._known.move_to_end(credentials.bearer)
        while len(self._known) > _IDENTITIES:
            self._known.popitem(last=False)
        return found

    def _channel(self, project: str) -> _Channel:
        channel = self._channels.setdefault(project, _Channel())
        channel.asked_at = time.monotonic()
        if channel.task is None or channel.task.done():
            channel.task = asyncio.get_running_loop().create_task(self._keep(project, channel))
        return channel

    async def _follow(self, request: Request, channel: _Channel) -> Answer:
        """Answer once the follower should have another plan, or it has waited long enough."""
        asked = _asked(query_of(request))
        known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"')
        labels = fleet.parse_labels(asked.labels)
        if asked.follower:
            channel.told[asked.follower] = _follower(asked, labels, known, self._house)
        text, place = fleet.labels_text(labels), fleet.place_of(asked.follower)
        deadline = time.monotonic() + min(max(asked.wait, 0.0), _MOST_WAIT_S)
        await _until(channel.looked, max(deadline, time.monotonic() + _MOST_WAIT_S))
        channel.waiting += 1
        try:
            while True:
                news, releases = channel.news, channel.releases
                wanted = fleet.content_for(releases, place, text) if releases else None
                if wanted is not None and wanted[0] != known:
                    return Answer(body=wanted[1], headers=(("etag", f'"{wanted[0]}"'),))
                if self._threads.stopping.is_set():
                    break
                if not await _until(news, min(deadline, _soon(channel))):
                    break
        finally:
            channel.waiting -= 1
        if wanted is None:
            raise channel.problem or NotFound(
                "no plan was published in this project yet", hint="bucle serving publish"
            )
        return Answer(status=304, headers=(("etag", f'"{known}"'),))

    async def _keep(self, project: str, channel: _Channel) -> None:
        """Write down what followers told and look for news, while there are any."""
        while time.monotonic() - channel.asked_at < _IDLE_S or channel.waiting:
            told, channel.told = channel.told, {}
            known = channel.releases.rollout if channel.releases else None
            try:
                found = await self._threads.quick(self._exchange, project, told, known)
                channel.problem = None
            except BucleError as error:  # followers keep what they have until it is back
                channel.told = told | channel.told
                channel.problem, found = error, None
            channel.looked.set()
            channel.releases = found or channel.releases
            if found is not None or self._threads.stopping.is_set():
                news, channel.news = channel.news, asyncio.Event()
                news.set()
            await asyncio.sleep(_LOOP_S)

    def _exchange(
        self, project: str, told: dict[str, fleet.Follower], known: fleet.FleetRollout | None
    ) -> fleet.Releases | None:
        session = self._house.session(_keeper(project), project)
        with session.begin(write=bool(told)) as scope:
            if told:
                fleet.keep_reports(scope, tuple(told.values()))
                if known is None:  # this process begins to look after the fleet
                    fleet.forget_lost(scope)
            found = fleet.releases(scope, known)
        if found is None and known is None and serving.is_published(session):
            serving.publish(session)  # by a release that sent no plans out
            with session.begin(write=False) as scope:
                found = fleet.releases(scope)
        return found

    async def _send_content(
        self, request: Request, project: str, channel: _Channel, digest: str
    ) -> Answer:
        """Send a file of a package that is in the plan; nothing else is anybody's to fetch."""
        await _until(channel.looked, time.monotonic() + _MOST_WAIT_S)
        releases = channel.releases
        if releases is None:
            raise NotFound("no plan was published in this project yet")
        mark = f"{releases.rollout.plan}/{releases.rollout.stable}"
        if channel.contents[0] != mark:
            channel.contents = (mark, await self._threads.quick(self._contents_of, releases))
        if digest not in channel.contents[1]:
            raise NotFound(f"no package in the plan of {project!r} has content {digest!r}")
        asked = request.headers.get("range", "")
        return await self._threads.quick(self._transfers.answer, digest, asked)

    def _contents_of(self, releases: fleet.Releases) -> frozenset[str]:
        allowed: set[str] = set()
        for each in (releases.target, releases.stable):
            if each is None:
                continue
            plan = serving.open_sealed(each.content, self._house.keys.public_hex)
            for variant in (one for item in plan.deployments for one in item.packaged):
                manifest = registry.read_manifest(self._house.drivers.blobs, variant.manifest)
                allowed.add(variant.manifest)
                allowed.update(file.digest for file in manifest.files.values())
        return frozenset(allowed)

    async def _take_segment(
        self, request: Request, project: str, deployment: str, name: str
    ) -> Answer:
        async with self._transfers.received(request) as draft:
            blobs = self._house.drivers.blobs
            kept, _ = await self._threads.quick(
                serving.keep_segment, blobs, project, deployment, name, draft.path
            )
        return json_answer({"key": kept.key}, status=201)


def _keeper(project: str) -> Principal:
    return Principal(
        name="followers", kind="service", grants=(Grant(role="follower", project=project),)
    )


def _asked(query: dict[str, list[str]]) -> Asked:
    plain = {name: texts[-1] for name, texts in query.items() if texts}
    unknown = plain.keys() - set(Asked.__struct_fields__)
    if unknown:
        known = ", ".join(Asked.__struct_fields__)
        raise Invalid(f"{min(unknown)!r} is not asked for here", hint=f"known: {known}")
    try:
        asked = msgspec.convert(plain, Asked, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"the question can not be read: {error}", hint="wait=30") from error
    if len(asked.follower) > _TEXT_LIMIT or len(asked.labels) > _TEXT_LIMIT:
        raise Invalid(f"a follower's name and labels have at most {_TEXT_LIMIT} characters")
    return asked


def _follower(asked: Asked, labels: dict[str, str], plan: str, house: House) -> fleet.Follower:
    return fleet.Follower(
        id=asked.follower,
        labels=labels,
        plan=plan,
        healthy=asked.healthy,
        problem=asked.problem[:_TEXT_LIMIT],
        version=asked.version[:_TEXT_LIMIT],
        requests=max(asked.requests, 0),
        errors=max(asked.errors, 0),
        seen_at=house.drivers.clock.now(),
    )


def _soon(channel: _Channel) -> float:
    """Return when a waiting follower is to tell again how it does."""
    releases = channel.releases
    if releases is None or releases.rollout.state != fleet.ROLLING:
        return time.monotonic() + _MOST_WAIT_S
    return time.monotonic() + max(_ROLLING_WAIT_S, channel.waiting / _REPORTS_PER_S)


async def _until(event: asyncio.Event, deadline: float) -> bool:
    """Wait for an event; tell whether it came in time."""
    left = deadline - time.monotonic()
    if left <= 0:
        return event.is_set()
    try:
        async with asyncio.timeout(left):
            await event.wait()
    except TimeoutError:
        return False
    return True
