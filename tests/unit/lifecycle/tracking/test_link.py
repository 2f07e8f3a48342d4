from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.lineage.trace import trace
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import RunStart

TRIPS = Ref("dataset", "trips", 3)
MODEL = Ref("model", "churn", 1)


def test_a_run_stands_between_what_it_read_and_what_it_made(session):
    with session.begin() as scope:
        ref = tracking.start_run(scope, RunStart(name="train")).ref
        tracking.add_input(scope, ref, TRIPS, rows=9)
        tracking.finish_run(scope, ref)
    with session.begin() as scope:
        tracking.add_output(scope, ref, MODEL)
    with session.begin(write=False) as scope:
        run = tracking.get_run(scope, ref)
        up = trace(scope, MODEL)
    assert (run.inputs, run.outputs) == ((TRIPS,), (MODEL,))
    assert up.nodes == (str(MODEL), str(ref), str(TRIPS))
    assert {edge.relation: edge.detail for edge in up.edges} == {"made": {}, "read": {"rows": 9}}


def test_reading_the_same_twice_is_one_input_and_one_event(session):
    with session.begin() as scope:
        ref = tracking.start_run(scope, RunStart(name="train")).ref
    for _ in range(2):
        with session.begin() as scope:
            tracking.add_input(scope, ref, TRIPS)
    with session.begin(write=False) as scope:
        assert tracking.get_run(scope, ref).inputs == (TRIPS,)
        events = [event.type for event in events_after(scope, 0)]
    assert events == ["run.started", "run.input_added"]
