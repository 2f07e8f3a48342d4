"""What goes for good with the runs and experiments that are purged."""

from datetime import timedelta

import pytest

from bucle.base.errors import NotFound
from bucle.drivers.blobs.content import store_bytes
from bucle.lifecycle.tracking import experiments, lifespan, traces
from bucle.lifecycle.tracking.files import keep_file, list_files
from bucle.lifecycle.tracking.logged import (
    NewLoggedModel,
    create_logged_model,
    delete_logged_model,
    find_logged_model,
)


def create(session, name):
    with session.begin() as scope:
        return experiments.create_experiment(scope, name).id


def test_purging_takes_deleted_logged_models_along_and_their_files(session, house):
    with session.begin() as scope:
        gone, kept = (create_logged_model(scope, NewLoggedModel(experiment="0", name=name))
                      for name in ("gone", "kept"))  # fmt: skip
        for model in (gone, kept):
            digest = store_bytes(house.drivers.blobs, b"weights")
            keep_file(scope, model.ref, "weights.bin", digest=digest)
        delete_logged_model(scope, gone.id)
        assert lifespan.purge(scope, older_than_s=100).logged_models == 0
    house.drivers.clock.advance(timedelta(minutes=1))
    with session.begin() as scope:
        assert lifespan.purge(scope, older_than_s=10).logged_models == 1
        assert list_files(scope, gone.ref) == ()
        assert [file.path for file in list_files(scope, kept.ref)] == ["weights.bin"]


def test_an_experiment_is_purged_with_its_logged_models_and_traces(session):
    number = create(session, "a")
    with session.begin() as scope:
        model = create_logged_model(scope, NewLoggedModel(experiment=number, name="m"))
        traces.put_trace(scope, traces.Trace(id="tr-1", experiment=number, started_at=1))
        experiments.delete_experiment(scope, number)
    with session.begin() as scope:
        gone = lifespan.purge(scope)
    assert (gone.experiments, gone.logged_models, gone.traces, gone.more) == (1, 1, 1, False)
    with session.begin(write=False) as scope:
        assert find_logged_model(scope, model.id) is None
        with pytest.raises(NotFound):
            traces.get_trace(scope, "tr-1")
