"""A queue asks each item of as many labellers as it wants, and of no more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from bucle.base.clock import ManualClock
from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.control.privacy.forget.ask import ask
from bucle.control.privacy.forget.erase import erase
from bucle.control.privacy.forget.records import Wish
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.lineage.trace import trace
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.filling import fill
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle.data import ColumnNote, DatasetSpec, commit_table, declare, read_table
from bucle.lifecycle.data.labels.answer import adjudicate, check_value, progress
from bucle.lifecycle.data.labels.exchange import export, import_
from bucle.lifecycle.data.labels.make import make_queue
from bucle.lifecycle.data.labels.outcome import agreement, settled
from bucle.lifecycle.data.labels.publish import publish
from bucle.lifecycle.data.labels.records import Lease, Question, Queue, QueueSpec

SMS = pa.table(
    {
        "id": [1, 2, 3, 4],
        "text": ["win a prize", "see you at six", "free entry", "call me"],
        "phone": ["111", "222", "333", "444"],
        "doubt": [0.1, 0.9, 0.5, None],
    }
)
SPAM = Question(classes=("spam", "ham"))


@pytest.fixture
def sms(session: Session) -> Session:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="sms", key=("id",)))
    commit_table(session, "sms", SMS)
    return session


def queue(session: Session, **more: Any) -> Queue:
    fields: dict[str, Any] = {"name": "q", "dataset": "sms", "question": SPAM}
    return make_queue(session, QueueSpec(**(fields | more)))


def as_(house: House, name: str, role: str = "scientist") -> Session:
    return house.session(Principal(name=name, grants=(Grant(role=role, project="*"),)))


def verb(session: Session, name: str, **asked: Any) -> Any:
    row = row_named(f"data.label_{name}")
    return call(session, row, fill(row.request, {"name": "q"} | asked))


def take(session: Session) -> Lease | None:
    lease: Lease | None = verb(session, "next").lease
    return lease


def answer_all(session: Session, values: dict[int, str]) -> None:
    while lease := take(session):
        verb(session, "answer", item=lease.item.number, value=values[lease.item.key["id"]])


def test_the_most_uncertain_is_asked_first_and_what_has_no_figure_last(sms: Session) -> None:
    queue(sms, priority="doubt")
    asked = []
    while lease := take(sms):
        asked.append(lease.item.key["id"])
        verb(sms, "answer", item=lease.item.number, value="ham")
    assert asked == [2, 3, 1, 4]


def test_an_item_is_shown_with_the_columns_that_are_to_be_seen(sms: Session) -> None:
    queue(sms, show=("text",), priority="doubt")
    lease = take(sms)
    assert lease is not None
    assert lease.item.row == {"text": "see you at six"}
    assert lease.question == SPAM


def test_two_labellers_have_different_items_in_hand_and_the_same_one_is_kept(
    sms: Session, house: House
) -> None:
    queue(sms)
    ana, bob = as_(house, "ana"), as_(house, "bob")
    first, second, again = take(ana), take(bob), take(ana)
    assert first is not None
    assert second is not None
    assert again is not None
    assert first.item.number != second.item.number
    assert again.item == first.item


def test_of_many_at_once_no_two_get_the_same_item(sms: Session, house: House) -> None:
    queue(sms)
    people = [as_(house, f"p{n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(take, people))
    numbers = [lease.item.number for lease in leases if lease]
    assert sorted(numbers) == [1, 2, 3, 4]


def test_a_lease_that_ran_out_goes_to_another(sms: Session, house: House) -> None:
    queue(sms, lease_s=60)
    ana, bob = as_(house, "ana"), as_(house, "bob")
    first = take(ana)
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    assert first is not None
    clock.advance(timedelta(seconds=61))
    second = take(bob)
    assert second is not None
    assert second.item.number == first.item.number
    with pytest.raises(Conflict, match="coming"):
        verb(ana, "answer", item=first.item.number, value="spam")


def test_an_item_that_wants_two_answers_is_asked_of_two(sms: Session, house: House) -> None:
    queue(sms, answers=2)
    answer_all(as_(house, "ana"), dict.fromkeys(range(1, 5), "spam"))
    assert take(as_(house, "ana")) is None
    answer_all(as_(house, "bob"), {1: "spam", 2: "ham", 3: "spam", 4: "spam"})
    assert take(as_(house, "carl")) is None
    with sms.begin(write=False) as scope:
        found = progress(scope, "q")
        assert (found.items, found.done, found.answers, found.leased) == (4, 4, 8, 0)
        assert found.by_labeller == {"ana": 4, "bob": 4}
        (open_,) = settled(scope, "q", disagreements=True)
    assert open_.key == {"id": 2}
    with sms.begin() as scope:
        adjudicate(scope, "q", open_.item, "ham")
        adjudicate(scope, "q", open_.item, "spam")  # another time, otherwise
        assert settled(scope, "q", disagreements=True) == ()
        values = {one.key["id"]: (one.value, one.confidence) for one in settled(scope, "q")}
    assert values == dict.fromkeys(range(1, 5), ("spam", 1.0))


def test_agreement_names_labellers_and_classes(sms: Session, house: House) -> None:
    queue(sms, answers=2)
    answer_all(as_(house, "ana"), {1: "spam", 2: "ham", 3: "spam", 4: "ham"})
    answer_all(as_(house, "bob"), {1: "spam", 2: "ham", 3: "spam", 4: "spam"})
    with sms.begin(write=False) as scope:
        found = agreement(scope, "q")
    assert found.labellers == ("ana", "bob")
    assert found.kappa == pytest.approx(0.5)
    assert found.alpha == pytest.approx(8 / 15)
    assert found.by_labeller == {"ana": 0.75, "bob": 0.75}


def test_what_is_skipped_goes_to_others_and_undo_takes_the_last_answer_back(
    sms: Session, house: House
) -> None:
    queue(sms)
    ana, bob = as_(house, "ana"), as_(house, "bob")
    lease = take(ana)
    assert lease is not None
    with pytest.raises(Invalid, match="reason"):
        verb(ana, "skip", item=lease.item.number, reason=" ")
    verb(ana, "skip", item=lease.item.number, reason="not readable")
    other = take(bob)
    assert other is not None
    assert other.item.number == lease.item.number
    verb(bob, "answer", item=other.item.number, value="spam")
    with pytest.raises(Conflict, match="all answers"):
        verb(as_(house, "carl"), "answer", item=other.item.number, value="ham")
    assert verb(bob, "undo").value == "spam"
    back = take(bob)
    assert back is not None
    assert back.item.number == lease.item.number
    with pytest.raises(NotFound, match="answered nothing"):
        verb(as_(house, "carl"), "undo")


def test_only_named_labellers_label_and_a_viewer_does_not(sms: Session, house: House) -> None:
    queue(sms, labellers=("ana",))
    assert take(as_(house, "ana")) is not None
    for session in (as_(house, "bob"), as_(house, "ana", "viewer")):
        with pytest.raises(Denied):
            take(session)


@pytest.mark.parametrize(
    ("question", "good", "kept", "bad"),
    [
        (SPAM, "spam", "spam", "eggs"),
        (Question(kind="classes", classes=("a", "b")), ["b", "a", "b"], ["a", "b"], ["c"]),
        (Question(kind="number", min=0, max=5), 4, 4.0, 6),
        (Question(kind="number"), 1.5, 1.5, "many"),
        (Question(kind="text"), "so", "so", " "),
        (
            Question(kind="spans", classes=("name",)),
            [{"start": 4, "end": 6, "label": "name"}, {"start": 0, "end": 2, "label": "name"}],
            [{"start": 0, "end": 2, "label": "name"}, {"start": 4, "end": 6, "label": "name"}],
            [{"start": 2, "end": 2, "label": "name"}],
        ),
    ],
)
def test_an_answer_is_one_to_the_question(
    question: Question, good: Any, kept: Any, bad: Any
) -> None:
    assert check_value(question, good) == kept
    with pytest.raises(Invalid, match="no answer to the question"):
        check_value(question, bad)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"question": Question()}, "has classes"),
        ({"question": Question(kind="number", classes=("a",))}, "has no classes"),
        ({"answers": 0}, "wants 0 answers"),
        ({"answers": 2, "labellers": ("ana",)}, "2 answers of 1 labellers"),
        ({"key": ("nothing",)}, "no column 'nothing'"),
        ({"priority": "text"}, "a priority is a number"),
        ({"prediction": "id"}, "the deployment"),
    ],
)
def test_a_queue_of_no_sense_is_refused(sms: Session, more: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        queue(sms, **more)


def test_labels_become_a_version_with_its_origin(sms: Session, house: House) -> None:
    made = queue(sms)
    while lease := take(sms):
        if lease.item.key["id"] == 3:
            verb(sms, "skip", item=lease.item.number, reason="unclear")
            continue
        verb(sms, "answer", item=lease.item.number, value="ham")
    version = publish(sms, "q", "labelled")
    table = read_table(sms, version)
    assert table["id"].to_pylist() == [1, 2, 4]
    assert table["label"].to_pylist() == ["ham"] * 3
    with sms.begin(write=False) as scope:
        nodes = trace(scope, version.ref).nodes
    assert {str(made.ref), "dataset:sms@1"} <= set(nodes)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "label-studio"])
def test_what_is_exported_can_be_imported_elsewhere(
    sms: Session, house: House, format_: Any
) -> None:
    queue(sms, answers=2)
    answer_all(as_(house, "ana"), {1: "spam", 2: "ham", 3: "spam", 4: "ham"})
    made = export(sms, "q", format_)
    queue(sms, name="copy", answers=2)
    taken = import_(sms, "copy", made.digest, format_)
    assert (taken.answers, taken.repeated) == (4, 0)
    again = import_(sms, "copy", made.digest, format_)
    assert (again.answers, again.repeated) == (0, 4)
    with sms.begin(write=False) as scope:
        assert {one.key["id"]: one.value for one in settled(scope, "copy")} == {
            1: "spam", 2: "ham", 3: "spam", 4: "ham",
        }  # fmt: skip
        assert progress(scope, "copy").by_labeller == {"ana": 4}


def test_label_studio_gets_tasks_in_its_form(sms: Session) -> None:
    queue(sms, priority="doubt", show=("text",))
    lease = take(sms)
    assert lease is not None
    verb(sms, "answer", item=lease.item.number, value="ham")
    content = read_content(sms.drivers.blobs, export(sms, "q", "label-studio").digest)
    first, *rest = msgspec.json.decode(content)
    assert first["data"] == {"id": 2, "text": "see you at six"}
    (annotation,) = first["annotations"]
    assert annotation["result"][0]["type"] == "choices"
    assert annotation["result"][0]["value"] == {"choices": ["ham"]}
    assert [task["annotations"] for task in rest] == [[], [], []]


@pytest.mark.parametrize(
    ("content", "format_", "says"),
    [
        (b"id,labeller,value\n1,ana,spam\n9,ana,spam\n", "csv", "answer 2 has no key"),
        (b"id,labeller,value\n1,ana,eggs\n", "csv", "no answer to the question"),
        (b'{"id": 1, "value": "spam"}\n{"id": 2,\n', "jsonl", "line 2 is no JSON"),
        (b'{"no": "tasks"}', "label-studio", "no export of Label Studio"),
        (b'[{"annotations": [{"result": [{}]}]}]', "label-studio", "no export of Label Studio"),
    ],
)
def test_a_file_with_a_wrong_line_is_refused_whole(
    sms: Session, content: bytes, format_: Any, says: str
) -> None:
    queue(sms)
    digest = store_bytes(sms.drivers.blobs, content)
    with pytest.raises(Invalid, match=says):
        import_(sms, "q", digest, format_)
    with sms.begin(write=False) as scope:
        assert progress(scope, "q").answers == 0


def test_a_labeller_who_may_not_see_sensitive_columns_sees_them_masked(
    sms: Session, house: House
) -> None:
    with sms.begin() as scope:
        declare(
            scope,
            DatasetSpec(
                name="sms", key=("id",), columns={"phone": ColumnNote(sensitivity="personal")}
            ),
        )
    queue(sms)
    lease = take(as_(house, "pia", "producer"))
    assert lease is not None
    assert lease.item.row["phone"] == "***"
    assert lease.item.row["text"] in SMS["text"].to_pylist()


@pytest.mark.parametrize("key", [{"id": 2}, {"phone": "222"}])
def test_items_of_somebody_who_is_forgotten_are_gone_with_their_answers(
    sms: Session, house: House, key: dict[str, Any]
) -> None:
    queue(sms)
    answer_all(as_(house, "ana"), dict.fromkeys(range(1, 5), "spam"))
    made = ask(sms, Wish(dataset="sms", key=key, reason="asked"))
    assert made.affected.labelling == {"q": 1}
    assert erase(sms, made.ref).left == 0
    with sms.begin(write=False) as scope:
        assert [one.key["id"] for one in settled(scope, "q")].count(2) == 0
        assert progress(scope, "q").items == 3
