"""The law of stream stores: subclass, give a `url`, and every test here runs against it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.streams import LONGEST_BYTES, Stream, open_streams

BAD_TOPICS = ("", "a\nb", "a\0b", "t" * 601)
BAD_POSITIONS = ("x", "12", "-1", "9" * 21, "0-0", "$", "+")


def numbered(count: int, first: int = 0) -> list[bytes]:
    """Return so many numbers as values."""
    return [b"%d" % number for number in range(first, first + count)]


def values_of(stream: Stream, topic: str, after: str = "", limit: int = 10_000) -> list[bytes]:
    """Read a topic to its end, however many a read gives."""
    found: list[bytes] = []
    while records := stream.read(topic, after, limit):
        found += [record.value for record in records]
        after = records[-1].position
    return found


class StreamContract:
    """What every `Stream` keeps."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("give a fixture `url` of an empty store")

    @pytest.fixture
    def stream(self, url: str) -> Iterator[Stream]:
        stream = open_streams(url)
        yield stream
        stream.close()

    def test_values_are_read_in_the_order_in_which_they_came(self, stream: Stream) -> None:
        stream.append("payments", [b"a", b"b"])
        stream.append("payments", [b"c"])
        assert [record.value for record in stream.read("payments", "", 10)] == [b"a", b"b", b"c"]

    def test_an_append_says_the_position_of_its_last_value(self, stream: Stream) -> None:
        last = stream.append("t", [b"a", b"b"])
        assert [record.position for record in stream.read("t", "", 10)][-1] == last

    def test_a_topic_that_was_never_written_is_empty(self, stream: Stream) -> None:
        assert stream.read("none", "", 10) == []
        assert stream.count("none") == 0
        stream.trim("none", "")

    def test_nothing_is_an_append(self, stream: Stream) -> None:
        assert stream.append("t", []) == ""
        assert stream.count("t") == 0

    def test_a_read_goes_on_after_a_position_and_stops_at_its_limit(self, stream: Stream) -> None:
        stream.append("t", numbered(10))
        first = stream.read("t", "", 4)
        assert [record.value for record in first] == numbered(4)
        then = stream.read("t", first[-1].position, 4)
        assert [record.value for record in then] == numbered(4, first=4)
        assert [record.value for record in stream.read("t", first[1].position, 1)] == [b"2"]
        assert values_of(stream, "t", then[-1].position) == numbered(2, first=8)

    def test_after_the_last_there_is_nothing(self, stream: Stream) -> None:
        last = stream.append("t", numbered(3))
        assert stream.read("t", last, 10) == []
        stream.append("t", [b"new"])
        assert values_of(stream, "t", last) == [b"new"]

    def test_positions_are_text_that_sorts_as_the_values_came(self, stream: Stream) -> None:
        for start in range(0, 120, 12):
            stream.append("t", numbered(12, first=start))
        positions = [record.position for record in stream.read("t", "", 1000)]
        assert len(set(positions)) == 120
        assert positions == sorted(positions)
        assert min(positions) > ""

    @pytest.mark.parametrize("at_once", [1, 7, 100, 1000])
    def test_however_many_are_read_at_once_none_is_lost_or_doubled(
        self, stream: Stream, at_once: int
    ) -> None:
        for start in range(0, 250, 50):
            stream.append("t", numbered(50, first=start))
        assert values_of(stream, "t", limit=at_once) == numbered(250)

    def test_many_values_are_one_append(self, stream: Stream) -> None:
        stream.append("t", numbered(4_500))
        assert stream.count("t") == 4_500
        assert values_of(stream, "t") == numbered(4_500)

    def test_a_value_is_any_bytes(self, stream: Stream) -> None:
        values = [b"", b"\0\xff\r\n", b"bSt1", b"v" * LONGEST_BYTES, b""]
        stream.append("t", values)
        assert values_of(stream, "t") == values

    def test_a_value_that_is_too_long_is_invalid_and_none_of_its_batch_is_there(
        self, stream: Stream
    ) -> None:
        with pytest.raises(Invalid, match="524289 bytes"):
            stream.append("t", [b"short", b"v" * (LONGEST_BYTES + 1)])
        assert stream.count("t") == 0

    def test_topics_are_apart(self, stream: Stream) -> None:
        topics = ["pay", "pay/ments", "Pay", "págo.*>", "p" * 300, "p" * 301]
        for topic in topics:
            stream.append(topic, [topic.encode()])
        assert [values_of(stream, topic) for topic in topics] == [[t.encode()] for t in topics]

    @pytest.mark.parametrize("topic", BAD_TOPICS)
    def test_a_topic_without_a_proper_name_is_invalid(self, stream: Stream, topic: str) -> None:
        for call in (
            lambda: stream.append(topic, [b"a"]),
            lambda: stream.read(topic, "", 1),
            lambda: stream.trim(topic, ""),
            lambda: stream.count(topic),
        ):
            with pytest.raises(Invalid, match="topic"):
                call()

    @pytest.mark.parametrize("position", BAD_POSITIONS)
    def test_a_position_of_another_store_is_invalid(self, stream: Stream, position: str) -> None:
        stream.append("t", [b"a"])
        with pytest.raises(Invalid, match="position"):
            stream.read("t", position, 1)

    def test_what_is_trimmed_is_forgotten_and_nothing_later(self, stream: Stream) -> None:
        stream.append("t", numbered(5))
        middle = stream.read("t", "", 3)[-1].position
        stream.trim("t", middle)
        assert values_of(stream, "t")[-2:] == [b"3", b"4"]
        assert values_of(stream, "t", middle) == [b"3", b"4"]
        assert stream.count("t") == len(values_of(stream, "t"))

    def test_no_position_is_given_twice_even_after_a_trim(self, stream: Stream) -> None:
        last = stream.append("t", numbered(3))
        stream.trim("t", last)
        assert stream.append("t", [b"new"]) > last
        assert values_of(stream, "t", last) == [b"new"]

    def test_what_was_written_is_there_for_the_next_who_opens_the_store(
        self, stream: Stream, url: str
    ) -> None:
        last = stream.append("t", [b"a"])
        other = open_streams(url)
        try:
            assert values_of(other, "t") == [b"a"]
            assert other.append("t", [b"b"]) > last
        finally:
            other.close()
        assert values_of(stream, "t", last) == [b"b"]

    def test_a_read_that_waits_gets_what_comes(self, stream: Stream) -> None:
        last = stream.append("t", [b"a"])
        sender = Timer(0.2, lambda: stream.append("t", [b"late"]))
        sender.start()
        try:
            assert [record.value for record in stream.read("t", last, 10, wait_s=10)] == [b"late"]
        finally:
            sender.join()

    def test_a_read_that_waits_in_vain_ends(self, stream: Stream) -> None:
        last = stream.append("t", [b"a"])
        assert stream.read("t", last, 10, wait_s=0.1) == []
        assert stream.read("none", "", 10, wait_s=0.1) == []

    def test_several_writers_at_once_lose_nothing(self, stream: Stream, url: str) -> None:
        others = [open_streams(url) for _ in range(3)]

        def write(writer: int) -> None:
            for number in range(20):
                others[writer].append("t", [b"%d:%d" % (writer, number)] * 2)

        try:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(write, range(3)))
        finally:
            for other in others:
                other.close()
        found = values_of(stream, "t")
        assert len(found) == 120
        for writer in range(3):
            mine = [value for value in found if value.startswith(b"%d:" % writer)]
            assert mine == [b"%d:%d" % (writer, number // 2) for number in range(40)]

    def test_its_url_has_no_password(self, stream: Stream) -> None:
        assert "@" not in stream.url
