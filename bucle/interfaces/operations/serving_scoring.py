"""The verbs of scoring without a request, and of what becomes of the prediction log."""

from typing import Annotated

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.refs import Ref
from bucle.control.jobs.queue import enqueue
from bucle.control.jobs.records import NewJob
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle.serving.retain_log import RetainedLog, retain_log
from bucle.lifecycle.serving.scoring.batch import score_dataset
from bucle.lifecycle.serving.scoring.collect import collect_log
from bucle.lifecycle.serving.scoring.records import (
    BatchWish,
    Collected,
    Scored,
    ScoringSpec,
    Streamed,
    Where,
)
from bucle.lifecycle.serving.scoring.stream import score_topic

Wait = Annotated[float, msgspec.Meta(ge=0, le=300, description="seconds to wait for an event")]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Which model (`churn@champion`) says what of which version (`customers@12`, or the newest)."""

    model: str
    dataset: str
    output: str = ""  # the dataset of the predictions; "": <dataset>_scored
    columns: tuple[str, ...] = ()  # of the dataset that are kept beside them; (): all
    at: str = ""  # the column as of whose time features are filled in; "": the dataset's time
    only_new: bool = False  # whether only rows are scored that came since the last time
    compute: Where = "here"  # process: several processes at once
    queue: bool = False  # whether the control plane does it, and nobody waits


class Batched(msgspec.Struct, frozen=True, kw_only=True):
    """What was scored, or the job that will."""

    scored: Scored | None = None  # None: it is queued
    job: Ref | None = None  # None: it is done


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Which topic's events are scored by which model, and where the predictions go."""

    topic: str
    model: str
    output: str = ""  # a topic; "": none
    log: str = ""  # a deployment, whose prediction log gets them; "": none
    columns: tuple[str, ...] = ()  # of the events that the output repeats; (): all
    name: str = ""  # of the reader, which goes on where it was; "": the topic's
    wait_s: Wait = 0


class CollectLog(msgspec.Struct, frozen=True, kw_only=True):
    """Whose predictions become a dataset's rows, and which dataset's."""

    name: str
    output: str = ""  # "": <name>_predictions


class RetainLog(msgspec.Struct, frozen=True, kw_only=True):
    """Whose predictions are removed where they are older than its policy keeps them."""

    name: str


def _batch(session: Session, q: Batch) -> Batched:
    wish = BatchWish(
        model=Ref.parse(q.model, kind="model"),
        dataset=Ref.parse(q.dataset, kind="dataset"),
        output=q.output,
        columns=q.columns,
        at=q.at,
        only_new=q.only_new,
        compute=q.compute,
    )
    if not q.queue:
        return Batched(scored=score_dataset(session, wish))
    with session.begin() as scope:
        scope.require(Permission.DATASET_WRITE, wish.dataset)
        job = enqueue(scope, NewJob(kind="serving.score", args={"wish": to_builtins(wish)}))
    return Batched(job=job.ref)


def _stream(session: Session, q: Stream) -> Streamed:
    spec = ScoringSpec(
        name=q.name or q.topic,
        model=q.model,
        topic=q.topic,
        output=q.output,
        log=q.log,
        columns=q.columns,
    )
    return score_topic(session, spec, wait_s=q.wait_s)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="serving.batch",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/scoring/datasets/{dataset}",
        request=Batch,
        response=Batched,
        work=_batch,
        events=("dataset.committed", "dataset.refused", "dataset.scored", "job.queued"),
        positional=("model", "dataset"),
        summary="Score a dataset with a model: rows and predictions are a version of another one.",
        summary_es="Evalúa un conjunto con un modelo: filas y predicciones forman otra versión.",
    ),
    Operation(
        name="serving.stream",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/scoring/topics/{topic}",
        request=Stream,
        response=Streamed,
        work=_stream,
        events=("topic.extended",),
        positional=("topic", "model"),
        summary="Score the events of a topic that came since the last time.",
        summary_es="Evalúa los eventos de un tema llegados desde la última vez.",
    ),
    Operation(
        name="serving.collect_log",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/deployments/{name}/log/collect",
        request=CollectLog,
        response=Collected,
        work=lambda session, q: collect_log(session, q.name, q.output),
        events=("dataset.committed", "deployment.log_collected"),
        positional=("name",),
        summary="Append what is new in a deployment's prediction log to a dataset.",
        summary_es="Añade a un conjunto lo nuevo del registro de predicciones de un despliegue.",
    ),
    Operation(
        name="serving.retain_log",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/log/retain",
        request=RetainLog,
        response=RetainedLog,
        work=lambda session, q: retain_log(session, q.name),
        events=("deployment.log_retained",),
        positional=("name",),
        summary="Remove predictions from the log that are older than its deployment keeps them.",
        summary_es="Quita del registro las predicciones más viejas de lo que guarda su despliegue.",
    ),
)
