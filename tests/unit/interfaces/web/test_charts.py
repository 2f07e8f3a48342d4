from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from bucle.interfaces.web.charts import (
    Frame,
    Heat,
    Mark,
    Point,
    Series,
    Share,
    bar_chart,
    heat_map,
    histogram,
    line_chart,
    split_bar,
    time_ticks,
    value_ticks,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POINTS = tuple(Point(START + DAY * place, 50.0 + place) for place in range(10))


def _titles(svg: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter() if node.tag.endswith("title")]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 100.0, (0, 25, 50, 75, 100)),
        (0.0, 0.9, (0, 0.25, 0.5, 0.75)),
        (-3.0, 3.0, (-2, 0, 2)),
        (5.0, 5.0, (5,)),
    ],
)
def test_values_are_marked_at_round_places(low, high, ticks) -> None:
    assert value_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("length", [timedelta(minutes=9), timedelta(days=3), timedelta(days=700)])
def test_moments_are_marked_at_few_round_places(length) -> None:
    ticks = time_ticks(START, START + length)
    assert 1 <= len(ticks) <= 9
    assert all(START <= tick <= START + length for tick in ticks)


def test_every_value_of_a_line_can_be_read() -> None:
    titles = _titles(line_chart([Series("mae", POINTS)], Frame("Error")))
    assert "mae, 2026-03-04 00:00: 53" in titles


def test_a_new_champion_and_the_limit_are_drawn() -> None:
    frame = Frame("Error", limit=60.0, marks=(Mark(START + DAY, "v2", "v2 came"),))
    titles = _titles(line_chart([Series("mae", POINTS)], frame))
    assert {"v2 came", "60"} <= set(titles)


def test_a_name_can_not_break_out_of_a_drawing() -> None:
    evil = '"><script>alert(1)</script>'
    svgs = [
        line_chart([Series(evil, POINTS)], Frame(evil, marks=(Mark(START, evil),))),
        bar_chart(POINTS, Frame(evil)),
        split_bar([Share(evil, 1.0)], label=evil),
        histogram([1, 2], [evil, evil], label=evil),
        heat_map([Heat(evil, (0.1,))], [START], Frame(evil, limit=0.2)),
    ]
    for svg in svgs:
        assert "<script" not in svg
        ET.fromstring(svg)


def test_a_value_that_is_no_number_is_left_out() -> None:
    points = (*POINTS, Point(START + DAY * 11, float("nan")), Point(START + DAY * 12, float("inf")))
    assert "nan" not in line_chart([Series("loss", points)], Frame("Loss")).lower()


@pytest.mark.parametrize("drawn", [line_chart([], Frame("x")), bar_chart([], Frame("x")),
                                   split_bar([], label="x"), histogram([], [], label="x"),
                                   heat_map([], [], Frame("x"))])  # fmt: skip
def test_nothing_to_draw_is_nothing(drawn) -> None:
    assert drawn == ""


def test_one_point_is_a_chart_too() -> None:
    assert "mae, 2026-03-01 00:00: 50" in _titles(
        line_chart([Series("mae", POINTS[:1])], Frame(""))
    )


def test_shares_fill_the_bar() -> None:
    svg = split_bar([Share("champion", 0.8), Share("canary", 0.2, "b")], label="Traffic")
    widths = [float(node.get("width", 0)) for node in ET.fromstring(svg).iter()
              if node.tag == "rect"]  # fmt: skip
    assert widths == [80.0, 20.0]
