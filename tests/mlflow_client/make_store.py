"""Make an MLflow store with everything in it that an import has to carry.

A program for a client environment: it needs `mlflow` and nothing of ours.

    python make_store.py <tracking uri> [--runs 1000] [--artifacts <folder or uri>]

What it makes depends on its arguments alone, but for ids and times.
"""

import argparse
import json
import math
import random
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
)

START_MS = 1_700_000_000_000
STATES = ("FINISHED", "FINISHED", "FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED")
DELETED_EVERY = 23
WITH_DATASET_EVERY = 5
WITH_FILES_EVERY = 3
LONG_SERIES_EVERY = 50
MAJOR = int(mlflow.__version__.partition(".")[0])


def make(uri: str, runs: int, artifacts: str | None) -> None:
    """Fill the store at a URI."""
    # Some of the client's methods ask the tracking server that is set, and not the client's own.
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiments = make_experiments(client, artifacts)
    made = [make_run(client, experiments[place % len(experiments)], place) for place in range(runs)]
    make_children(client, experiments[0], made[: min(3, len(made))])
    models = (
        make_logged_models(client, experiments[0], made[:: len(experiments)]) if MAJOR > 2 else []
    )
    make_registry(client, made, models)
    if MAJOR > 2:
        make_traces(client, experiments[0])
    client.delete_experiment(experiments[-1])


def make_experiments(client: MlflowClient, artifacts: str | None) -> list[str]:
    """Make experiments: plain, with tags, with odd letters, and one that is deleted at the end."""
    ids = ["0"]
    for name in ("churn", "vídeo / ñ ü", "to be deleted"):
        place = None if artifacts is None else f"{artifacts}/{len(ids)}"
        ids.append(client.create_experiment(name, artifact_location=place, tags={"team": "blue"}))
    client.set_experiment_tag("0", "mlflow.note.content", "Notes\nof the default **experiment**")
    client.set_experiment_tag(ids[1], "ключ", "значение")
    return ids


def make_run(client: MlflowClient, experiment: str, place: int) -> str:
    """Make one run; how much it holds follows from its place."""
    rng = random.Random(place)
    started = START_MS + place * 60_000
    run = client.create_run(
        experiment,
        start_time=started,
        run_name=f"run {place} ñ",
        tags={"mlflow.user": f"user{place % 3}", "mlflow.source.name": "train.py"},
    )
    id_ = run.info.run_id
    client.log_batch(
        id_,
        metrics=list(metrics_of(rng, started, place)),
        params=[Param(f"p{number}", str(rng.random())) for number in range(10)]
        + [Param("a/b c", "x" * 500), Param("empty", ""), Param("ünïcode", "日本語")],
        tags=[RunTag(f"t{number}", f"v{rng.randrange(5)}") for number in range(5)]
        + [RunTag("mlflow.note.content", f"run *{place}*\n" * 3)],
    )
    if place % LONG_SERIES_EVERY == 0:
        for begin in range(0, 3000, 1000):
            client.log_batch(
                id_,
                metrics=[
                    Metric("long/series", rng.gauss(0, 1), started + step, step)
                    for step in range(begin, begin + 1000)
                ],
            )
    if place % WITH_DATASET_EVERY == 0:
        client.log_inputs(id_, list(datasets_of(place)))
    if place % WITH_FILES_EVERY == 0:
        log_files(client, id_, place)
    state = STATES[place % len(STATES)]
    if state in {"FINISHED", "FAILED", "KILLED"}:
        client.set_terminated(id_, status=state, end_time=started + 5_000 + place)
    elif state == "SCHEDULED":
        client.update_run(id_, status=state)
    if place % DELETED_EVERY == DELETED_EVERY - 1:
        client.delete_run(id_)
    return str(id_)


def metrics_of(rng: random.Random, started: int, place: int) -> "list[Metric]":
    """Return points: ordinary ones, ties, a repeated step, negative steps, NaN and infinities."""
    points = [
        Metric(f"m{number}", rng.gauss(0, 1), started + step, step)
        for number in range(5)
        for step in range(10)
    ]
    points += [
        Metric("tie", value, started, 3)
        for value in (0.1, 0.3, 0.2, 1e-300, -1.7976931348623157e308)
    ]
    points += [Metric("back", 1.0, started + 9, 5), Metric("back", 2.0, started + 1, -7)]
    if place % 3 == 0:
        points += [
            Metric("strange", value, started + step, step)
            for step, value in enumerate((math.inf, -math.inf, 0.0, math.nan))
        ]
    return points


def datasets_of(place: int) -> "list[DatasetInput]":
    """Return two datasets that a run read; the first is shared between runs."""
    shared = Dataset(
        name="trips",
        digest="d1gest",
        source_type="local",
        source=json.dumps({"uri": "/data/trips.parquet"}),
        schema=json.dumps({"mlflow_colspec": [{"name": "x", "type": "double"}]}),
        profile=json.dumps({"num_rows": 100}),
    )
    own = Dataset(name=f"own {place}", digest=f"d{place}", source_type="code", source="{}")
    return [
        DatasetInput(shared, [InputTag("mlflow.data.context", "training")]),
        DatasetInput(own, []),
    ]


def log_files(client: MlflowClient, id_: str, place: int) -> None:
    """Log files: at the top, in folders, with odd names, an empty one, and binary ones."""
    rng = random.Random(place)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "plots" / "deep").mkdir(parents=True)
        (top / "summary.json").write_text(json.dumps({"place": place}))
        (top / "plots" / "residuals ñ.png").write_bytes(rng.randbytes(3000))
        (top / "plots" / "deep" / "empty.txt").write_text("")
        (top / "plots" / "deep" / "100%.bin").write_bytes(rng.randbytes(100))
        client.log_artifacts(id_, str(top))
        client.log_artifacts(id_, str(top / "plots"), "model")


def make_children(client: MlflowClient, experiment: str, parents: list[str]) -> None:
    """Make runs below runs."""
    for parent in parents:
        child = client.create_run(
            experiment, run_name=f"child of {parent}", tags={"mlflow.parentRunId": parent}
        )
        client.log_metric(child.info.run_id, "score", 0.5)
        client.set_terminated(child.info.run_id)


def make_registry(client: MlflowClient, runs: list[str], models: list[str]) -> None:
    """Make registered models: many versions, aliases, tags, stages, gaps, and an empty one."""
    client.create_registered_model("empty", tags={"a": "b"}, description="has no version")
    client.create_registered_model("churn model", description="Says **who** leaves")
    client.set_registered_model_tag("churn model", "owner", "blue")
    for number, run in enumerate(runs[:8], 1):
        client.create_model_version(
            "churn model",
            f"runs:/{run}/model",
            run,
            tags={"number": str(number), "ü": "ñ"},
            description=f"version {number}",
            run_link=f"https://example.org/{number}",
        )
    if runs[1:]:
        client.delete_model_version("churn model", "2")
    client.transition_model_version_stage("churn model", "1", "Production")
    client.set_registered_model_alias("churn model", "champion", "1")
    if runs[2:]:
        client.transition_model_version_stage("churn model", "3", "Staging")
        client.set_registered_model_alias("churn model", "challenger", "3")
        client.set_registered_model_alias("churn model", "Candidate-1", "3")
    for model in models[:1]:
        client.create_registered_model("from a logged model")
        client.create_model_version("from a logged model", f"models:/{model}", model_id=model)


def make_logged_models(client: MlflowClient, experiment: str, runs: list[str]) -> list[str]:
    """Make logged models of MLflow 3: ready, failed, pending, with metrics and files."""
    made = []
    for number, run in enumerate(runs[:6]):
        model = client.create_logged_model(
            experiment,
            name=f"model-{number}",
            source_run_id=run,
            tags={"kind": "test"},
            params={"depth": str(number)},
            model_type="agent" if number % 2 else None,
        )
        # A store in a folder writes two measurements and reads back one, and its step as 0.
        for step in range(1 if client.tracking_uri.startswith("file:") else 2):
            client.log_metric(
                run, "accuracy", 0.5 + step, step=step, model_id=model.model_id,
                timestamp=START_MS + step, dataset_name="trips", dataset_digest="d1gest",
            )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "MLmodel").write_text(f"flavors: {{}}\nmodel_id: {model.model_id}\n")
            (Path(folder) / "weights.bin").write_bytes(bytes([number]) * 1000)
            client.log_model_artifacts(model.model_id, folder)
        states = ("READY", "READY", "FAILED")
        if number < len(states):
            client.finalize_logged_model(model.model_id, states[number])
        made.append(str(model.model_id))
    return made


def make_traces(client: MlflowClient, experiment: str) -> None:
    """Make traces with spans, tags and metadata."""
    mlflow.set_experiment(experiment_id=experiment)
    for number in range(3):
        with mlflow.start_span(f"answer {number}") as span:
            span.set_inputs({"question": "¿qué?", "number": number})
            with mlflow.start_span("look up") as inner:
                inner.set_attributes({"rows": number})
            span.set_outputs({"answer": number})
        mlflow.flush_trace_async_logging()
        client.set_trace_tag(span.trace_id, "kind", "test")


def main() -> None:
    """Read the arguments and fill the store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uri")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--artifacts", default=None)
    given = parser.parse_args()
    make(given.uri, given.runs, given.artifacts)


if __name__ == "__main__":
    main()
