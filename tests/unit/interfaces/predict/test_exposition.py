from bucle.interfaces.predict.exposition import add_up

FIRST = b"""# HELP asked_total Requests.
# TYPE asked_total counter
asked_total{model="a"} 3
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 0.25
took_seconds_count 3
# TYPE lag_seconds gauge
lag_seconds 2
# TYPE rows gauge
rows 10
"""
SECOND = (
    FIRST.replace(b'"a"} 3', b'"b"} 4')
    .replace(b"lag_seconds 2", b"lag_seconds 1")
    .replace(b"rows 10", b"rows 5")
)


def test_counters_and_histograms_are_added_and_the_worst_gauge_is_told() -> None:
    text = add_up([(FIRST, True), (SECOND, True)]).decode()
    lines = text.splitlines()
    assert 'asked_total{model="a"} 3' in lines
    assert 'asked_total{model="b"} 4' in lines
    assert 'took_seconds_bucket{le="+Inf"} 6' in lines
    assert "took_seconds_sum 0.5" in lines
    assert "lag_seconds 2" in lines
    assert "rows 15" in lines
    assert lines.count("# TYPE asked_total counter") == 1
    assert lines.index('asked_total{model="b"} 4') < lines.index("# TYPE took_seconds histogram")


def test_what_the_dead_have_counted_stays_and_their_gauges_go() -> None:
    lines = add_up([(FIRST, False), (SECOND, True)]).decode().splitlines()
    assert "took_seconds_count 6" in lines
    assert "rows 5" in lines


def test_one_text_alone_says_the_same() -> None:
    assert add_up([(FIRST, True)]) == FIRST
