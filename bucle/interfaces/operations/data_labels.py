"""The verbs of labelling: queues, answers, agreement; and of splits that are judged."""

from typing import Annotated, Any

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data, feedback
from bucle.lifecycle.data import labels
from bucle.lifecycle.data.labels.records import (
    Agreement,
    Answer,
    Consensus,
    Exported,
    Format,
    Imported,
    Lease,
    Progress,
    Queue,
    QueueSpec,
    Settled,
)
from bucle.lifecycle.feedback import LabelReceipt

_Item = Annotated[int, msgspec.Meta(ge=1, description="its number in the queue")]
_Method = Annotated[
    Consensus, msgspec.Meta(description="how several answers become one; dawid-skene: of classes")
]


class CheckSplit(msgspec.Struct, frozen=True, kw_only=True):
    """A split; columns each value of which belongs into one part; the column of the time."""

    ref: str
    groups: tuple[str, ...] = ()
    time: str = ""


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""


class QueueOf(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue."""

    name: str


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """An item in hand, or that there is none, and how far the queue has come."""

    lease: Lease | None  # None: nothing is left for this labeller
    progress: Progress


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Which item, and the answer: a class, a list of classes, a number, a text or spans."""

    name: str
    item: _Item
    value: Any


class Skip(msgspec.Struct, frozen=True, kw_only=True):
    """Which item, and why it is passed over."""

    name: str
    item: _Item
    reason: str


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue, how several answers become one, and whether only to show who disagrees."""

    name: str
    method: _Method = "majority"
    disagreements: bool = False


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue, the dataset that its labelled rows go into, and the column of the label."""

    name: str
    into: str
    column: str = "label"
    method: _Method = "majority"


class GiveBack(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue of predictions."""

    name: str
    method: _Method = "majority"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue, and as what."""

    name: str
    format: Format = "csv"


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue, a file of answers, and whose they are where the file does not say."""

    name: str
    file: Upload
    format: Format = "csv"
    labeller: str = ""


def _make(session: Session, q: QueueSpec) -> Queue:
    return labels.make_queue(session, q)  # which is imported when it is called


def _next(session: Session, q: QueueOf) -> Next:
    lease = labels.next_item(session, q.name)
    with session.begin(write=False) as scope:
        return Next(lease=lease, progress=labels.progress(scope, q.name))


def _give_back(session: Session, q: GiveBack) -> LabelReceipt:
    with session.begin() as scope:
        deployment, ids, values = labels.labels_of_predictions(scope, q.name, method=q.method)
        return feedback.add_labels(scope, deployment, ids, values)


_SPLITS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.check_split",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/splits/{ref}/check",
        request=CheckSplit,
        response=data.SplitLeaks,
        work=lambda session, q: data.check_split(session, q.ref, groups=q.groups, moment=q.time),
        is_good=lambda found: found.ok,
        positional=("ref",),
        summary="Judge whether parts of a split share rows, groups or times.",
        summary_es="Juzga si las partes de una división comparten filas, grupos o tiempos.",
    ),
)

_QUEUES: tuple[AnyOperation, ...] = (
    Operation(
        name="data.label_queue",
        permission=Permission.DATASET_WRITE,
        method="PUT",
        path="/labelling/{name}",
        request=QueueSpec,
        response=Queue,
        work=_make,
        events=("labelling.made",),
        positional=("name", "dataset"),
        summary="Make a queue of a version's rows that people are to label.",
        summary_es="Crea una cola con las filas de una versión para que se etiqueten.",
    ),
    Operation(
        name="data.label_queues",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/labelling",
        request=Everything,
        response=tuple[Queue, ...],
        run=lambda scope, _: labels.list_queues(scope),
        summary="List the queues of what is to be labelled.",
        summary_es="Lista las colas de lo que se ha de etiquetar.",
    ),
    Operation(
        name="data.label_show",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/labelling/{name}",
        request=QueueOf,
        response=Queue,
        run=lambda scope, q: labels.get_queue(scope, q.name),
        positional=("name",),
        summary="Show a queue: what is asked, of whom, and of which version.",
        summary_es="Muestra una cola: qué se pregunta, a quién y de qué versión.",
    ),
    Operation(
        name="data.label_progress",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/labelling/{name}/progress",
        request=QueueOf,
        response=Progress,
        run=lambda scope, q: labels.progress(scope, q.name),
        positional=("name",),
        summary="Tell how far a queue has come.",
        summary_es="Dice hasta dónde ha llegado una cola.",
    ),
)

_ANSWERS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.label_next",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/labelling/{name}/next",
        request=QueueOf,
        response=Next,
        work=_next,
        events=("labelling.taken",),
        positional=("name",),
        summary="Take the next item of a queue in hand; nobody else gets it for a while.",
        summary_es="Toma el siguiente de una cola; nadie más lo recibe por un rato.",
    ),
    Operation(
        name="data.label_answer",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/labelling/{name}/items/{item}/answer",
        request=Say,
        response=Answer,
        run=lambda scope, q: labels.answer(scope, q.name, q.item, q.value),
        events=("labelling.answered",),
        positional=("name", "item", "value"),
        summary="Answer an item of a queue.",
        summary_es="Responde a un elemento de una cola.",
    ),
    Operation(
        name="data.label_skip",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/labelling/{name}/items/{item}/skip",
        request=Skip,
        response=Answer,
        run=lambda scope, q: labels.skip(scope, q.name, q.item, reason=q.reason),
        events=("labelling.skipped",),
        positional=("name", "item"),
        summary="Pass an item over, and say why; others are asked.",
        summary_es="Pasa de largo un elemento y dice por qué; se pregunta a otros.",
    ),
    Operation(
        name="data.label_undo",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/labelling/{name}/undo",
        request=QueueOf,
        response=Answer,
        run=lambda scope, q: labels.undo(scope, q.name),
        events=("labelling.undone",),
        positional=("name",),
        summary="Take your last answer back, and the item in hand again.",
        summary_es="Retira tu última respuesta y vuelve a tomar el elemento.",
    ),
    Operation(
        name="data.label_adjudicate",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/labelling/{name}/items/{item}/adjudicate",
        request=Say,
        response=Answer,
        run=lambda scope, q: labels.adjudicate(scope, q.name, q.item, q.value),
        events=("labelling.adjudicated",),
        positional=("name", "item", "value"),
        summary="Settle an item that labellers disagree about.",
        summary_es="Zanja un elemento en que los etiquetadores no coinciden.",
    ),
)

_OUTCOME: tuple[AnyOperation, ...] = (
    Operation(
        name="data.label_agreement",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/labelling/{name}/agreement",
        request=QueueOf,
        response=Agreement,
        run=lambda scope, q: labels.agreement(scope, q.name),
        positional=("name",),
        summary="Measure how far labellers agree beyond chance, by class and by labeller.",
        summary_es="Mide cuánto coinciden los etiquetadores más que el azar, por clase y persona.",
    ),
    Operation(
        name="data.label_settled",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/labelling/{name}/settled",
        request=Settle,
        response=tuple[Settled, ...],
        run=lambda scope, q: labels.settled(
            scope, q.name, method=q.method, disagreements=q.disagreements
        ),
        positional=("name",),
        summary="Show what the answers to each item say together, and how surely.",
        summary_es="Muestra qué dicen juntas las respuestas a cada elemento, y con qué certeza.",
    ),
    Operation(
        name="data.label_publish",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/labelling/{name}/publish",
        request=Publish,
        response=data.DatasetVersion,
        work=lambda session, q: labels.publish(
            session, q.name, q.into, column=q.column, method=q.method
        ),
        events=("labelling.published", "dataset.committed", "dataset.refused"),
        positional=("name", "into"),
        summary="Commit the labelled rows of a queue as a version of a dataset.",
        summary_es="Confirma las filas etiquetadas de una cola como versión de un conjunto.",
    ),
    Operation(
        name="data.label_feedback",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/labelling/{name}/feedback",
        request=GiveBack,
        response=LabelReceipt,
        work=_give_back,
        events=("labels.received",),
        positional=("name",),
        summary="Give the labels of a queue of predictions back as their ground truth.",
        summary_es="Devuelve las etiquetas de una cola de predicciones como su verdad.",
    ),
    Operation(
        name="data.label_export",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/labelling/{name}/export",
        request=Export,
        response=Exported,
        work=lambda session, q: labels.export(session, q.name, q.format),
        positional=("name",),
        summary="Store the answers of a queue as a file, to fetch by its digest.",
        summary_es="Guarda las respuestas de una cola como fichero, que se pide por su huella.",
    ),
    Operation(
        name="data.label_import",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/labelling/{name}/import",
        request=Import,
        response=Imported,
        work=lambda session, q: labels.import_(
            session, q.name, q.file.digest, q.format, labeller=q.labeller
        ),
        events=("labelling.imported",),
        positional=("name", "file"),
        summary="Take answers from a file into a queue: all of it, or nothing.",
        summary_es="Lleva respuestas de un fichero a una cola: todo, o nada.",
    ),
)

ROWS: tuple[AnyOperation, ...] = (*_SPLITS, *_QUEUES, *_ANSWERS, *_OUTCOME)
