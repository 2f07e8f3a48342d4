"""Add to an MLflow store what no import carries: it has to be told.

A program for a client environment: it needs `mlflow` and nothing of ours.

    python make_others.py <tracking uri>
"""

import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource


def make(uri: str) -> None:
    """Add assessments and prompts, and to a store that is no folder the rest."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.create_experiment("judged")
    mlflow.set_experiment(experiment_id=experiment)
    judge = AssessmentSource(source_type="HUMAN", source_id="ana")
    traces = []
    for number in range(2):
        with mlflow.start_span(f"answer {number}") as span:
            span.set_outputs({"answer": number})
        mlflow.flush_trace_async_logging()
        mlflow.log_feedback(trace_id=span.trace_id, name="tone", value=number, source=judge)
        traces.append(span.trace_id)
    mlflow.log_expectation(trace_id=traces[0], name="answer", value="0", source=judge)
    for template in ("Say {{word}}", "Please say {{word}}"):
        mlflow.genai.register_prompt("greet", template)
    if uri.startswith("file:"):
        return
    make_more(client, experiment, traces)


def make_more(client: MlflowClient, experiment: str, traces: "list[str]") -> None:
    """Add what only a database holds: evaluation sets, scorers, links."""
    from mlflow.genai.datasets import create_dataset  # lazy: a folder has none
    from mlflow.genai.scorers import Guidelines

    found = create_dataset(name="golden questions", experiment_id=experiment)
    found.merge_records([
        {"inputs": {"question": str(number)}, "expectations": {"answer": "1"}}
        for number in range(3)
    ])  # fmt: skip
    Guidelines(name="politeness", guidelines="Be polite.").register(experiment_id=experiment)
    run = client.create_run(experiment).info.run_id
    client.link_traces_to_run(traces, run)


if __name__ == "__main__":
    make(sys.argv[1])
