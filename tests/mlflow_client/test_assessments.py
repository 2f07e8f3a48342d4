"""What people, judges and code say of a trace: stored and returned with it."""

import mlflow
import pytest

from protocol import INVALID, MISSING, refused

pytestmark = pytest.mark.needs3
VALUES = [True, False, 0, 0.25, -3, "good ñ 流", ["a", 1, None], {"grade": {"a": 1}}]


@pytest.fixture
def trace(fluent_experiment):
    """Return the id of a trace of one span."""
    with mlflow.start_span(name="answer") as span:
        span.set_outputs("42")
    return span.trace_id


def said_of(client, trace):
    """Return the assessments that come back with a trace, by id."""
    found = client.get_trace(trace, display=False).info.assessments
    return {one.assessment_id: one for one in found}


def searched(client, experiment, filter_string):
    found = client.search_traces(experiment_ids=[experiment], filter_string=filter_string)
    return [trace.info.trace_id for trace in found]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_value_of_a_feedback_comes_back_as_it_was(client, trace, value):
    made = mlflow.log_feedback(trace_id=trace, name="grade", value=value)
    assert made.value == value
    assert mlflow.get_assessment(trace, made.assessment_id).value == value
    assert said_of(client, trace)[made.assessment_id].value == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_value_of_an_expectation_comes_back_as_it_was(client, trace, value):
    made = mlflow.log_expectation(trace_id=trace, name="answer", value=value)
    assert mlflow.get_assessment(trace, made.assessment_id).value == value
    assert said_of(client, trace)[made.assessment_id].value == value


def test_who_said_it_why_and_of_which_span_is_kept(client, trace):
    span = client.get_trace(trace, display=False).data.spans[0].span_id
    source = mlflow.entities.AssessmentSource(source_type="HUMAN", source_id="ana@example.org")
    made = mlflow.log_feedback(
        trace_id=trace,
        name="grade",
        value=4,
        source=source,
        rationale="short, and right",
        metadata={"round": "2"},
        span_id=span,
    )
    kept = mlflow.get_assessment(trace, made.assessment_id)
    assert (kept.name, kept.rationale, kept.metadata) == (
        "grade",
        "short, and right",
        {"round": "2"},
    )
    assert (kept.source.source_type, kept.source.source_id) == ("HUMAN", "ana@example.org")
    assert (kept.trace_id, kept.span_id, kept.valid) == (trace, span, True)
    assert 0 < kept.create_time_ms <= kept.last_update_time_ms


def test_a_feedback_may_be_the_error_of_its_judge(trace):
    error = mlflow.entities.AssessmentError(error_code="RATE_LIMIT", error_message="later")
    made = mlflow.log_feedback(trace_id=trace, name="grade", error=error)
    kept = mlflow.get_assessment(trace, made.assessment_id)
    assert kept.value is None
    assert (kept.error.error_code, kept.error.error_message) == ("RATE_LIMIT", "later")


def test_two_of_one_name_are_two(client, trace):
    made = [mlflow.log_feedback(trace_id=trace, name="grade", value=v) for v in (1, 2)]
    told = said_of(client, trace)
    assert [told[one.assessment_id].value for one in made] == [1, 2]


def test_an_update_changes_what_it_names_and_keeps_the_rest(trace):
    made = mlflow.log_feedback(
        trace_id=trace, name="grade", value=1, rationale="hurried", metadata={"round": "1"}
    )
    changed = mlflow.update_assessment(
        trace, made.assessment_id, mlflow.entities.Feedback(name="grade", value=5)
    )
    kept = mlflow.get_assessment(trace, made.assessment_id)
    assert changed.value == kept.value == 5
    assert (kept.rationale, kept.metadata) == ("hurried", {"round": "1"})
    assert kept.create_time_ms == made.create_time_ms
    assert kept.last_update_time_ms >= made.last_update_time_ms


def test_metadata_of_an_update_is_added_to_what_was_there(trace):
    made = mlflow.log_feedback(trace_id=trace, value=1, metadata={"a": "1", "b": "1"})
    new = mlflow.entities.Feedback(value=1, metadata={"b": "2", "c": "3"})
    mlflow.update_assessment(trace, made.assessment_id, new)
    kept = mlflow.get_assessment(trace, made.assessment_id)
    assert kept.metadata == {"a": "1", "b": "2", "c": "3"}


def test_an_expectation_does_not_become_a_feedback(trace):
    made = mlflow.log_expectation(trace_id=trace, name="answer", value="42")
    with refused(INVALID):
        mlflow.update_assessment(
            trace, made.assessment_id, mlflow.entities.Feedback(name="answer", value=1)
        )
    assert mlflow.get_assessment(trace, made.assessment_id).value == "42"


def test_what_is_overridden_is_kept_and_counts_no_more(client, trace):
    judged = mlflow.log_feedback(trace_id=trace, name="grade", value=0.6)
    corrected = mlflow.override_feedback(
        trace_id=trace, assessment_id=judged.assessment_id, value=0.9, rationale="read it again"
    )
    told = said_of(client, trace)
    assert told[judged.assessment_id].value == 0.6
    assert told[judged.assessment_id].valid is False
    assert told[corrected.assessment_id].overrides == judged.assessment_id
    assert told[corrected.assessment_id].valid is True


def test_deleting_what_overrides_makes_the_overridden_count_again(trace):
    judged = mlflow.log_feedback(trace_id=trace, name="grade", value=0.6)
    corrected = mlflow.override_feedback(
        trace_id=trace, assessment_id=judged.assessment_id, value=0.9
    )
    mlflow.delete_assessment(trace, corrected.assessment_id)
    assert mlflow.get_assessment(trace, judged.assessment_id).valid is True


def test_a_deleted_assessment_is_gone(client, trace):
    kept, gone = (mlflow.log_feedback(trace_id=trace, name="grade", value=v) for v in (1, 2))
    mlflow.delete_assessment(trace, gone.assessment_id)
    assert set(said_of(client, trace)) == {kept.assessment_id}
    with refused(MISSING):
        mlflow.get_assessment(trace, gone.assessment_id)


def test_an_assessment_of_nobody_is_refused(trace):
    with refused(MISSING):
        mlflow.get_assessment(trace, "a-nothing")
    with refused(MISSING):
        mlflow.log_feedback(trace_id="tr-" + "0" * 32, name="grade", value=1)


def test_assessments_come_with_the_traces_of_a_search(client, trace, fluent_experiment):
    mlflow.log_feedback(trace_id=trace, name="grade", value=3)
    (found,) = client.search_traces(experiment_ids=[fluent_experiment])
    assert [(one.name, one.value) for one in found.info.assessments] == [("grade", 3)]


def test_a_search_names_feedback_and_expectations(client, trace, fluent_experiment):
    mlflow.log_feedback(trace_id=trace, name="grade", value="good")
    mlflow.log_expectation(trace_id=trace, name="answer", value="42")
    assert searched(client, fluent_experiment, "feedback.grade = 'good'") == [trace]
    assert searched(client, fluent_experiment, "feedback.grade = 'bad'") == []
    assert searched(client, fluent_experiment, "feedback.answer = '42'") == []
    assert searched(client, fluent_experiment, "expectation.answer = '42'") == [trace]


def test_assessments_go_with_their_trace(client, trace, fluent_experiment):
    made = mlflow.log_feedback(trace_id=trace, name="grade", value=3)
    client.delete_traces(fluent_experiment, trace_ids=[trace])
    with refused(MISSING):
        mlflow.get_assessment(trace, made.assessment_id)
