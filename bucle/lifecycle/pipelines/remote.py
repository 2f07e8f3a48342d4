"""What runs in processes of their own: drawing a pipeline, and running one of its steps.

Each imports the project anew, so that a long-lived worker never runs yesterday's code.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.base.settings import Settings
from bucle.governance.principals import Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import get_version
from bucle.lifecycle.pipelines.context import StepContext, entered
from bucle.lifecycle.pipelines.define import Handle, Node
from bucle.lifecycle.pipelines.load import load_pipeline
from bucle.lifecycle.pipelines.parameters import check_params, plain_params
from bucle.lifecycle.pipelines.plan import Plan, footprint_of_node, named_outputs, plan_steps
from bucle.lifecycle.pipelines.values import Part, Stored, ValueStore
from bucle.lifecycle.tracking import capture_code, capture_environment, plant_seeds


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pipeline is found, and for whom it runs."""

    settings: Settings
    actor: Principal
    project: str
    folder: str
    reference: str


class StepTask(msgspec.Struct, frozen=True, kw_only=True):
    """One step to run."""

    place: Place
    params: dict[str, object]  # of the pipeline, with datasets pinned
    step: str
    parts: dict[str, str]  # the footprint under which its value will be kept
    values: tuple[Part, ...]  # of its handles, in order
    run: Ref
    seed: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a step returned, stored."""

    output: Stored
    doubt: str = ""  # why other runs may not take it; "": they may


def draw_plan(place: Place, given: Mapping[str, object]) -> Plan:
    """Import a pipeline, check its parameters, pin its datasets and draw it.

    Raises:
        Invalid: the parameters are wrong, or the pipeline is.
        NotFound: no such pipeline, or no such dataset.
    """
    folder = Path(place.folder)
    pipeline = load_pipeline(folder, place.reference)
    house = House(place.settings)
    session = Session(house, place.actor, place.project)
    params, inputs = _pin(session, check_params(pipeline, given))
    drawing = pipeline.draw(params)
    blobs = house.drivers.blobs
    return Plan(
        pipeline=pipeline.name,
        params=plain_params(params),
        inputs=inputs,
        steps=plan_steps(drawing, folder),
        outputs=tuple(named_outputs(drawing.result)),
        code=capture_code(folder, blobs, entry=place.reference),
        environment=capture_environment(blobs),
    )


def run_step(task: StepTask) -> Made:
    """Import the project, call one step, and store what it returns.

    Raises:
        Conflict: the project's code was edited since the run was planned.
        Invalid: what the step returned cannot be kept, or is not what it declares.
    """
    place, folder = task.place, Path(task.place.folder)
    pipeline = load_pipeline(folder, place.reference)
    house = House(place.settings)
    drawing = pipeline.draw(check_params(pipeline, task.params))
    node = next(node for node in drawing.nodes if node.name == task.step)
    doubt = _require_planned(node, folder, task.parts)
    store = ValueStore(house.drivers.blobs, house.drivers.cache_path, folder)
    values = iter([store.load_part(part) for part in task.values])
    args = _filled(list(node.call.args), values)
    kwargs = _filled(node.call.kwargs, values)
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    # The caller has looked at the schema: not House.session(), which would look again.
    session = Session(house, place.actor, place.project)
    context = StepContext(session=session, run=task.run, folder=folder, params=task.params)
    plant_seeds(task.seed)
    with entered(context):
        value = node.step.function(*args, **kwargs)
    _require_declared(node, value)
    return Made(output=store.store(value), doubt=doubt)


def _pin(session: Session, params: dict[str, object]) -> tuple[dict[str, object], tuple[Ref, ...]]:
    """Replace each dataset's ref, `@main` or a tag, by the version that it means now."""
    pinned: dict[str, object] = {}
    inputs: list[Ref] = []
    for name, value in params.items():
        pinned[name] = value
        is_ref = isinstance(value, str) and value.startswith("dataset:")
        if is_ref or (isinstance(value, Ref) and value.kind == "dataset"):
            asked = Ref.parse(str(value))
            with session.begin(write=False) as scope:
                found = get_version(scope, asked).ref
            inputs.append(found)
            pinned[name] = found if isinstance(value, Ref) else str(found)
    return pinned, tuple(dict.fromkeys(inputs))


def _require_planned(node: Node, folder: Path, planned: dict[str, str]) -> str:
    """Refuse to keep a value of other code than the one it would be kept under.

    A file that the code names may be one that an earlier step wrote: the step may read it, but
    its value was not made of what was planned, and the reason is returned.
    """
    found = footprint_of_node(node, folder).parts
    changed = sorted(part for part in planned.keys() | found.keys()
                     if planned.get(part) != found.get(part))  # fmt: skip
    if code := [part for part in changed if not part.startswith("file:")]:
        raise Conflict(
            f"the code of step {node.name!r} changed while the pipeline was running, or its "
            f"drawing differs from time to time ({', '.join(code[:3])})",
            hint="resume the run: it is planned anew",
        )
    files = ", ".join(part.removeprefix("file:") for part in changed)
    return f"{files} changed while the pipeline was running" if files else ""


def _require_declared(node: Node, value: object) -> None:
    count = node.step.outputs
    if count is not None and not (isinstance(value, list | tuple) and len(value) == count):
        found = f"{len(value)} values" if isinstance(value, list | tuple) else type(value).__name__
        raise Invalid(f"step {node.name!r} declares {count} outputs and returned {found}")


def _filled(template: object, values: Iterator[object]) -> object:
    """Put values in the place of handles, in the order in which `handles_in` yields them."""
    if isinstance(template, Handle):
        return next(values)
    if isinstance(template, dict):
        return {key: _filled(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [_filled(part, values) for part in template]
    if isinstance(template, tuple):
        parts = [_filled(part, values) for part in template]
        made: object = type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)  # type: ignore[arg-type]
        return made
    return template
