import pytest

from bucle.base.errors import Conflict, Unavailable
from bucle.interfaces.client.buffer import MOST_POINTS, Point, PointBuffer


class Server:
    """A receiver that can be down, and that counts each batch once as the real one does."""

    def __init__(self) -> None:
        self.down = False
        self.loses_answers = False
        self.batches: dict[str, tuple[float, ...]] = {}

    def receive(self, points) -> None:
        if self.down:
            raise Unavailable("nobody answers")
        if points.names:
            self.batches.setdefault(points.batch, points.values)
        if self.loses_answers:
            self.loses_answers = False
            raise Unavailable("the answer was lost")

    @property
    def values(self) -> list[float]:
        return [value for values in self.batches.values() for value in values]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def buffer(server):
    ids = iter(range(10_000))
    buffer = PointBuffer(server.receive, lambda: f"b{next(ids)}")
    yield buffer
    server.down = False


def points(count: int, start: int = 0) -> list[Point]:
    return [Point("x", step, 0, float(step)) for step in range(start, start + count)]


def test_points_arrive_in_order_at_the_latest_when_it_is_closed(buffer, server):
    buffer.add(points(3))
    buffer.close()
    assert server.values == [0, 1, 2]


def test_a_full_batch_does_not_wait(buffer, server):
    buffer.add(points(MOST_POINTS))
    assert len(server.values) == MOST_POINTS
    buffer.close()


def test_a_server_that_is_down_only_delays(buffer, server):
    server.down = True
    for start in range(0, 5 * MOST_POINTS, MOST_POINTS):
        buffer.add(points(MOST_POINTS, start))
    assert server.values == []
    server.down = False
    buffer.close()
    assert server.values == list(range(5 * MOST_POINTS))


def test_a_lost_answer_counts_no_point_twice(buffer, server):
    server.loses_answers = True
    buffer.add(points(MOST_POINTS))
    buffer.close()
    assert server.values == list(range(MOST_POINTS))


def test_what_was_refused_is_told_at_the_next_call(server):
    def refuse(_points) -> None:
        raise Conflict("the run has ended")

    buffer = PointBuffer(refuse, lambda: "b")
    buffer.add(points(MOST_POINTS))
    with pytest.raises(Conflict):
        buffer.add(points(1))
    with pytest.raises(Conflict):
        buffer.close()
