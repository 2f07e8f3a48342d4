import asyncio
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from bucle.governance.session import House, Session
from bucle.interfaces.predict import shadow
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from tests.support.asgi import Answered, asked
from tests.support.linear import model

HOT = {"heat": 10.0, "city": "here"}


@pytest.fixture
def shadowed(session: Session, start_server: Callable[..., ModelServer]) -> ModelServer:
    with session.begin() as scope:
        serving.start_shadow(scope, "demand", model(2))
    serving.publish(session)
    return start_server()


async def _ask(server: ModelServer, *rows: Mapping[str, Any]) -> list[Answered]:
    """Ask in one event loop, and wait until the shadow has said everything."""
    answers = [await asked(server.app, "POST", "/predict/demand", dict(row), {}) for row in rows]
    await _until(lambda: server.predictions.shadows.waiting_rows == 0)
    return answers


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - nobody is told when a shadow has spoken
            await asyncio.sleep(0.001)


def _logged(server: ModelServer, house: House, *, shadows: bool) -> list[dict[str, Any]]:
    server.log.close()
    now = house.drivers.clock.now()
    since, until = now - timedelta(hours=1), now + timedelta(hours=1)
    table = serving.read_predictions(house.session(), "demand", since, until, shadows=shadows)
    return table.to_pylist()


def test_a_shadow_answers_nobody_and_its_answer_is_logged_beside_the_callers(
    shadowed: ModelServer, house: House
) -> None:
    (answered,) = asyncio.run(_ask(shadowed, HOT))
    assert answered.json["variant"] == "champion"
    assert answered.json["outputs"] == {"prediction": [10.0]}
    metrics = asyncio.run(asked(shadowed.app, "GET", "/metrics", None, {})).body.decode()
    assert 'model="model:demand@2",variant="shadow"} 1' in metrics
    (said,) = _logged(shadowed, house, shadows=True)
    assert (said["variant"], said["model_ref"]) == ("shadow", "model:demand@2")
    assert said["out_prediction"] == 20.0
    assert [said["out_shadow_of"]] == answered.json["ids"]
    assert [said["id"]] != answered.json["ids"]


def test_what_a_shadow_said_is_among_no_predictions(shadowed: ModelServer, house: House) -> None:
    asyncio.run(_ask(shadowed, HOT, HOT))
    assert [row["variant"] for row in _logged(shadowed, house, shadows=False)] == ["champion"] * 2


def test_a_shadow_that_fails_is_logged_and_harms_no_caller(
    session: Session, start_server: Callable[..., ModelServer], house: House
) -> None:
    with session.begin() as scope:
        serving.start_shadow(scope, "demand", model(2))
    serving.publish(session)
    server = start_server()
    (loaded,) = server.watcher.board.served[0].shadows
    loaded.engine.call_arrays = _fails  # type: ignore[method-assign]
    loaded.engine.call_matrix = _fails  # type: ignore[method-assign]
    (answered,) = asyncio.run(_ask(server, HOT))
    assert answered.status == 200
    (said,) = _logged(server, house, shadows=True)
    assert (said["error"], said["out_prediction"]) == ("the shadow fails", None)


def _fails(_: object) -> dict[str, Any]:
    raise shadow.ModelError("the shadow fails")


def test_a_share_of_the_rows_is_copied(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    with session.begin() as scope:
        serving.start_shadow(scope, "demand", model(2), share=0.2)
    serving.publish(session)
    server = start_server()
    server.predictions.shadows._rng.seed(7)
    asyncio.run(_ask(server, {"rows": [HOT] * 1000}))
    text = asyncio.run(asked(server.app, "GET", "/metrics", None, {})).body.decode()
    line = next(one for one in text.splitlines()
                if one.startswith("bucle_predict_rows_total") and '"shadow"' in one)  # fmt: skip
    assert 150 < int(line.rpartition(" ")[2]) < 250


def test_what_a_slow_shadow_has_no_room_for_is_dropped_and_counted(
    shadowed: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "_MOST_COPIES", 2)
    may_go = threading.Event()
    (loaded,) = shadowed.watcher.board.served[0].shadows
    real = loaded.engine.checked

    def held(columns: Any) -> Any:
        may_go.wait(20)
        return real(columns)

    loaded.engine.checked = held  # type: ignore[method-assign]

    async def story() -> list[int]:
        answers = [await asked(shadowed.app, "POST", "/predict/demand", HOT, {}) for _ in range(5)]
        may_go.set()
        await _until(lambda: shadowed.predictions.shadows.waiting_rows == 0)
        return [one.status for one in answers]

    assert asyncio.run(story()) == [200] * 5
    (dropped,) = shadowed.predictions.shadows.dropped_rows.values()
    assert dropped == 3


def test_a_shadow_that_can_not_be_loaded_holds_nothing_up(
    session: Session, house: House, start_server: Callable[..., ModelServer]
) -> None:
    with session.begin() as scope:
        deployed = serving.start_shadow(scope, "demand", model(2))
    variant = deployed.variant("shadow")
    assert variant is not None
    serving.publish(session)
    key = f"content/{variant.manifest}"
    found = [item.key for item in house.drivers.blobs.list("") if variant.manifest in item.key]
    for each in found or [key]:
        house.drivers.blobs.delete(each)
    server = start_server()
    served = server.watcher.board.served[0]
    assert served.told == str(deployed.ref)
    assert [one.told for one in served.loaded] == ["model:demand@1"]
    assert "shadow model:demand@2" in served.problem
