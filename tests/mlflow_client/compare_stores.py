"""Compare two MLflow stores through the client of MLflow itself, and say what differs.

A program for a client environment: it needs `mlflow` and nothing of ours.

    python compare_stores.py <tracking uri> <tracking uri> [--skip registry,traces,...]

It prints one JSON document, {"compared": {noun: count}, "differences": [...]}, and leaves with 1
if there are differences.  The token of a server is taken from MLFLOW_TRACKING_TOKEN.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

MAJOR = int(mlflow.__version__.partition(".")[0])
NOUNS = ("experiments", "runs", "histories", "artifacts", "registry", "logged_models", "traces")
MOST_SHOWN = 200

Facts = dict[str, Any]


class Store:
    """One of the two, and what its experiments are called."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.experiments = list(
            pages(lambda token: self.client.search_experiments(
                view_type=ViewType.ALL, max_results=1000, page_token=token))
        )  # fmt: skip
        self.name_of = {one.experiment_id: one.name for one in self.experiments}

    def runs(self) -> Iterator[Any]:
        """Yield the runs of every experiment and stage."""
        for one in self.experiments:
            yield from pages(
                lambda token, id_=one.experiment_id: self.client.search_runs(
                    [id_], run_view_type=ViewType.ALL, max_results=1000, page_token=token
                )
            )


def pages(ask: Any) -> Iterator[Any]:
    """Yield what all pages of a listing hold."""
    token = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def experiments(store: Store) -> Facts:
    """Return the experiments by name."""
    return {
        one.name: {
            "stage": one.lifecycle_stage,
            "tags": dict(one.tags),
            # MLflow makes its default experiment when the store is made.
            "created": one.creation_time if one.experiment_id != "0" else None,
            "updated": one.last_update_time if one.experiment_id != "0" else None,
        }
        for one in store.experiments
    }


def runs(store: Store) -> Facts:
    """Return the runs by id, without their histories and files."""
    return {one.info.run_id: run_facts(store, one) for one in store.runs()}


def run_facts(store: Store, one: Any) -> Facts:
    """Return what a run says of itself."""
    facts = {
        "experiment": store.name_of[one.info.experiment_id],
        "name": one.info.run_name,
        "status": one.info.status,
        "stage": one.info.lifecycle_stage,
        "user": one.info.user_id or "",
        "started": one.info.start_time,
        "ended": one.info.end_time,
        "params": dict(one.data.params),
        "tags": dict(one.data.tags),
        "last": {key: number(value) for key, value in one.data.metrics.items()},
        "datasets": sorted(
            json.dumps([each.dataset.to_dictionary(), sorted((t.key, t.value) for t in each.tags)])
            for each in one.inputs.dataset_inputs
        ),
    }
    if MAJOR > 2:
        facts["models"] = sorted(
            (each.model_id, each.step) for each in (one.outputs.model_outputs or ())
        )
    return facts


def histories(store: Store) -> Facts:
    """Return every point of every series of every run."""
    return {
        f"{one.info.run_id} {key}": sorted(
            (point.timestamp, point.step, number(point.value))
            for point in store.client.get_metric_history(one.info.run_id, key)
        )
        for one in store.runs()
        for key in one.data.metrics
    }


def artifacts(store: Store) -> Facts:
    """Return the files of every run by path: size and digest."""
    facts: Facts = {}
    for one in store.runs():
        id_ = one.info.run_id
        listed = dict(files(lambda path, id_=id_: store.client.list_artifacts(id_, path)))
        if not listed:
            continue
        with TemporaryDirectory() as folder:
            root = Path(store.client.download_artifacts(id_, "", folder))
            for path, size in listed.items():
                content = (root / path).read_bytes()
                facts[f"{id_} {path}"] = [size, len(content), hashlib.sha256(content).hexdigest()]
    return facts


def files(listing: Any, folder: str | None = None) -> Iterator[tuple[str, int]]:
    """Yield the files below a folder, with their sizes."""
    for one in listing(folder):
        if one.is_dir:
            yield from files(listing, one.path)
        else:
            yield one.path, one.file_size or 0  # a proxied listing of MLflow leaves 0 out


def registry(store: Store) -> Facts:
    """Return the registered models and their versions."""
    facts: Facts = {}
    client = store.client
    for listed in pages(lambda token: client.search_registered_models(page_token=token)):
        one = client.get_registered_model(listed.name)
        facts[one.name] = {
            "description": one.description or "",
            "tags": dict(one.tags),
            "aliases": {alias: str(version) for alias, version in one.aliases.items()},
            "created": one.creation_timestamp,
        }
        quoted = one.name.replace("'", "''")
        found = pages(
            lambda token, of=quoted: client.search_model_versions(f"name='{of}'", page_token=token)
        )
        for each in found:
            version = client.get_model_version(each.name, each.version)
            facts[f"{one.name} {version.version}"] = {
                "description": version.description or "",
                "tags": dict(version.tags),
                "stage": version.current_stage,
                "source": source_of(store, version),
                "run": version.run_id or "",
                "run_link": version.run_link or "",
                "status": version.status,
                "created": version.creation_timestamp,
                "aliases": sorted(version.aliases),
            }
    return facts


def source_of(store: Store, version: Any) -> str:
    """Return a version's source, relative to its run's files where it names them by place."""
    if version.run_id:
        root = store.client.get_run(version.run_id).info.artifact_uri
        if version.source.startswith(root):
            return f"runs:/{version.run_id}{version.source.removeprefix(root)}"
    return str(version.source)


def logged_models(store: Store) -> Facts:
    """Return the logged models of MLflow 3 by id."""
    facts: Facts = {}
    if MAJOR == 2:
        return facts
    client = store.client
    for experiment in store.experiments:
        for one in pages(
            lambda token, id_=experiment.experiment_id: client.search_logged_models(
                [id_], page_token=token
            )
        ):
            facts[one.model_id] = {
                "experiment": experiment.name,
                "name": one.name,
                "status": str(one.status),
                "type": one.model_type or "",
                "run": one.source_run_id or "",
                "created": one.creation_timestamp,
                "tags": dict(one.tags),
                "params": dict(one.params),
                "metrics": sorted(
                    (each.key, each.step, each.timestamp, number(each.value), each.run_id,
                     each.dataset_name or "", each.dataset_digest or "")
                    for each in one.metrics or ()
                ),
                "files": sorted(
                    files(lambda path, id_=one.model_id:
                          client.list_logged_model_artifacts(id_, path))
                ),
            }  # fmt: skip
    return facts


def traces(store: Store) -> Facts:
    """Return the traces by id, with their spans."""
    facts: Facts = {}
    if MAJOR == 2:
        return facts
    for experiment in store.experiments:
        if experiment.lifecycle_stage != "active":
            continue
        for one in pages(
            lambda token, id_=experiment.experiment_id: store.client.search_traces(
                [id_], page_token=token
            )
        ):
            info = one.info
            facts[info.trace_id] = {
                "experiment": experiment.name,
                "at": info.request_time,
                "took": info.execution_duration,
                "state": str(info.state),
                "request": info.request_preview,
                "response": info.response_preview,
                "metadata": {key: value for key, value in info.trace_metadata.items()
                             if not key.startswith("mlflow.trace.")},
                "tags": {key: value for key, value in info.tags.items()
                         if key not in {"mlflow.artifactLocation", "mlflow.trace.spansLocation"}},
                "spans": sorted(
                    json.dumps([span.span_id, span.parent_id, span.name, span.start_time_ns,
                                span.end_time_ns, span.inputs, span.outputs], sort_keys=True)
                    for span in one.data.spans
                ),
            }  # fmt: skip
    return facts


def number(value: float) -> float | str:
    """Return a number that can be compared and printed."""
    return value if math.isfinite(value) else str(value)


def differences(noun: str, left: Facts, right: Facts) -> list[str]:
    """Say what two sets of facts do not share."""
    told = []
    for name in sorted({*left, *right}):
        if name not in right:
            told.append(f"{noun}: {name} is in the first only")
        elif name not in left:
            told.append(f"{noun}: {name} is in the second only")
        elif left[name] != right[name]:
            told.append(f"{noun}: {name}: {parts(left[name], right[name])}")
    return told


def parts(left: Any, right: Any) -> str:
    """Say in which fields two facts differ."""
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return f"{str(left)[:200]} is not {str(right)[:200]}"
    return "; ".join(
        f"{name}: {str(left.get(name))[:200]} is not {str(right.get(name))[:200]}"
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    )


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("--skip", default="")
    given = parser.parse_args()
    left, right = Store(given.left), Store(given.right)
    compared, told = {}, []
    for noun in NOUNS:
        if noun in given.skip.split(","):
            continue
        facts = [globals()[noun](store) for store in (left, right)]
        compared[noun] = len(facts[0])
        told += differences(noun, *facts)
    sys.stdout.write(
        json.dumps({"compared": compared, "differences": told[:MOST_SHOWN]}, indent=2) + "\n"
    )
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
