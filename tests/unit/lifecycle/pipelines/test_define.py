"""Steps and pipelines: plain functions outside, a drawing inside."""

import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.pipelines.define import Drawing, Handle, pipeline, step


@step
def load(rows: int) -> list[int]:
    return list(range(rows))


@step(name="cut")
def split(values: list[int], share: float = 0.5) -> tuple[list[int], list[int]]:
    place = int(len(values) * share)
    return values[:place], values[place:]


@step(retries=2, timeout_s=60)
def fit(**parts: object) -> object:
    return parts


def draw(function: object, **params: object) -> Drawing:
    return pipeline(function).draw(params)  # type: ignore[call-overload]


def test_a_step_outside_of_a_pipeline_is_its_function() -> None:
    assert split(load(4)) == ([0, 1], [2, 3])
    assert load.__name__ == "load"


def test_a_pipeline_that_is_called_runs_its_steps_here() -> None:
    @pipeline
    def train(rows: int) -> object:
        left, right = split(load(rows))
        return left, right

    assert train(2) == ([0], [1])


def test_a_step_inside_a_pipeline_is_drawn_and_not_run() -> None:
    def train(rows: int) -> object:
        return split(load(rows), share=0.8)

    drawing = draw(train, rows=10)
    assert [node.name for node in drawing.nodes] == ["load", "cut"]
    assert drawing.nodes[1].needs == (drawing.nodes[0],)
    assert drawing.result == Handle(drawing.nodes[1])


def test_handles_are_found_inside_lists_tuples_and_dicts() -> None:
    def train() -> None:
        one, two, three = load(1), load(2), load(3)
        fit(parts=[one, {"deep": (two,)}], other=three)

    drawing = draw(train)
    assert [node.name for node in drawing.nodes] == ["load", "load-2", "load-3", "fit"]
    assert drawing.nodes[3].needs == tuple(drawing.nodes[:3])


def test_declared_outputs_are_unpacked_and_others_indexed() -> None:
    @step(outputs=2)
    def twice(value):
        return value, value

    def train() -> None:
        left, right = split(load(4))
        first, second = twice(left)
        fit(a=left, b=right[3], c=first, d=second["score"])

    takes = draw(train).nodes[-1].call.kwargs
    assert [takes[name].path for name in "abcd"] == [(0,), (1, 3), (0,), (1, "score")]


def test_a_step_waits_for_one_whose_value_it_does_not_take() -> None:
    def train() -> None:
        first = load(1)
        load.after(first)(2)

    one, two = draw(train).nodes
    assert two.needs == (one,)


def _unpack() -> None:
    left, right = load(4)
    fit(a=left, b=right)


def _decide() -> None:
    if load(4):
        fit()


def _misspell() -> None:
    load(row=4)


def _nothing() -> None:
    return None


def _unknown_option() -> None:
    step(retry=3)(load.function)  # type: ignore[call-overload]


def _negative() -> None:
    step(retries=-1)(load.function)


MISTAKES = [
    (_unpack, "how many values step 'load' returns is not known", "@step(outputs=2)"),
    (_decide, "the value of step 'load' is not known while", "move the decision into a step"),
    (_misspell, "step 'load' was called wrongly: missing a required argument: 'rows'", "load(rows"),
    (_nothing, "pipeline '_nothing' calls no step", "@step"),
    (_unknown_option, "@step of 'load' has no option 'retry'", "retries"),
    (_negative, "retries, backoff_s and timeout_s of step 'load' are not negative", ""),
]


@pytest.mark.parametrize(("function", "message", "hint"), MISTAKES)
def test_a_mistake_in_a_pipeline_is_said_with_its_remedy(function, message, hint) -> None:
    with pytest.raises(Invalid) as raised:
        draw(function)
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_handle_of_another_call_is_refused() -> None:
    kept: list[object] = []

    def leak() -> None:
        kept.append(load(1))

    draw(leak)
    with pytest.raises(Invalid, match="of another pipeline call"):
        draw(lambda: fit(a=kept[0]))
