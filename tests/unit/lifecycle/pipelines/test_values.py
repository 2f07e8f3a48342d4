"""Values between steps: the format each is kept in, and that it comes back the same."""

import datetime as dt
import threading
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.base.refs import Ref
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.content import content_key
from bucle.lifecycle.pipelines.values import ValueStore


class Score(msgspec.Struct, frozen=True):
    name: str
    value: float
    model: Ref


class Plain:
    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]


TABLE = pa.table({"a": [1, 2], "at": pa.array([1, 2], pa.timestamp("ns", "UTC"))})
VALUES = [
    ("json", None),
    ("json", {"a": [1, 2.5, True, "x", None]}),
    ("json", [10**30, 0.1 + 0.2]),
    ("json", ["long"] * 2000),
    ("tuple", (1, ("a", 2))),
    ("tuple", ()),
    ("list", [1, (2, 3)]),
    ("dict", {"a": (1, 2), "b": 3}),
    ("record", Score("auc", 0.9, Ref("model", "churn", 3))),
    ("record", Ref("dataset", "trips", 3)),
    ("pickle", {1: "a"}),
    ("pickle", {"a", "b"}),
    ("pickle", dt.date(2026, 1, 1)),
    ("pickle", Plain(3)),
    ("table", TABLE),
    ("arrow", pa.table({"s": pa.array([1, 2], pa.timestamp("s"))})),
    ("table", pa.table({"c": pa.array(["x", "y"]).dictionary_encode()})),
]
ARRAYS = [
    ("array", np.arange(6).reshape(2, 3)),
    ("array", np.array([np.nan, np.inf])),
    ("array", np.array(["2026-01-01"], dtype="datetime64[D]")),
    ("scalar", np.float64(0.1)),
    ("scalar", np.int8(3)),
    ("pickle", np.array([None, "x"], dtype=object)),
]
FRAMES = [
    ("frame", pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2026", "2027"])})),
    ("frame", pd.DataFrame({"a": [1.5]}, index=pd.Index(["row"], name="id"))),
    ("pickle", pd.DataFrame({"mixed": [1, "x", (2,)]})),
]


@pytest.fixture
def store(tmp_path: Path) -> ValueStore:
    return ValueStore(open_blobs(f"file://{tmp_path / 'blobs'}"), tmp_path / "cache", tmp_path)


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_a_value_comes_back_as_it_was(store: ValueStore, kind: str, value: object) -> None:
    stored = store.store(value)
    loaded = store.load(stored)
    assert stored.kind == kind
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(("kind", "value"), ARRAYS)
def test_an_array_comes_back_with_its_type(store: ValueStore, kind: str, value) -> None:
    stored = store.store(value)
    loaded = store.load(stored)
    assert stored.kind == kind
    assert type(loaded) is type(value)
    assert loaded.dtype == value.dtype
    assert np.array_equal(loaded, value, equal_nan=value.dtype.kind == "f")


@pytest.mark.parametrize(("kind", "value"), FRAMES)
def test_a_frame_comes_back_with_its_types_and_index(store: ValueStore, kind: str, value) -> None:
    stored = store.store(value)
    assert stored.kind == kind
    pd.testing.assert_frame_equal(store.load(stored), value)


def test_equal_values_have_one_identity_and_others_another(store: ValueStore) -> None:
    values = [1, 1.0, True, "1", [1], (1,), {"a": 1}, {"a": 2}, TABLE, TABLE.slice(1)]
    identities = [store.store(value).identity for value in values]
    assert len(set(identities)) == len(values)
    assert identities == [store.store(value).identity for value in values]


def test_a_part_of_a_value_depends_on_that_part_only(store: ValueStore) -> None:
    one, two = store.store({"t": TABLE, "n": 1}), store.store({"t": TABLE, "n": 2})
    assert store.part(one, ("t",)).identity == store.part(two, ("t",)).identity
    assert store.part(one, ("n",)).identity != store.part(two, ("n",)).identity
    assert store.load_part(store.part(one, ("n",))) == 1
    assert store.load_part(store.part(store.store((1, [5, 6])), (-1, 1))) == 6


def test_a_part_that_is_not_there_is_said(store: ValueStore) -> None:
    for value in ((1, TABLE), {"a": 1}):
        with pytest.raises(Invalid, match="has no part 'score'"):
            store.load_part(store.part(store.store(value), ("score",)))


def test_what_cannot_be_kept_is_said_with_its_type(store: ValueStore) -> None:
    with pytest.raises(Invalid, match=r"a _thread.lock cannot be kept as the value of a step"):
        store.store(threading.Lock())


def test_a_tampered_pickle_is_not_read(store: ValueStore, tmp_path: Path) -> None:
    stored = store.store(Plain(3))
    (tmp_path / "blobs" / content_key(stored.digest)).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(Refused):
        store.load(stored)
