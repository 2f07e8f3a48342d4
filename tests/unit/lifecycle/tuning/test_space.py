import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.tuning import Choice, Float, Int
from bucle.lifecycle.tuning.space import as_space, check_params


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "is empty"),
        ({"x": Float(2, 1)}, "from 2 down to 1"),
        ({"x": Float(0, 1, log=True)}, "logarithmic from 0"),
        ({"x": Float(1, 9, step=0)}, "the step 0"),
        ({"x": Int(1, 9, log=True, step=2)}, "logarithmic and has a step"),
        ({"x": Choice(())}, "nothing to choose from"),
        ({"x": 3}, "can not be searched"),
        ({"forest": {"x": Int(1, 2)}, "x": Int(1, 2)}, "that all have already"),
        ({"forest": {"x": Float(2, 1)}}, r"forest\.x"),
        ({"forest": {}, "algorithm": Int(1, 2)}, "searched already"),
    ],
)
def test_a_space_that_can_not_be_searched_is_told_at_once(given, message):
    with pytest.raises(Invalid, match=message):
        as_space(given)


SPACE = as_space({"leaf": Int(1, 9), "forest": {"depth": Float(1, 2)}, "linear": {}})


@pytest.mark.parametrize(
    "params",
    [
        {"algorithm": "forest", "depth": 1.5, "leaf": 2},
        {"algorithm": "linear", "leaf": 9},
    ],
)
def test_parameters_inside_of_the_space_pass(params):
    check_params(SPACE, params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"algorithm": "tree"}, "is not an algorithm"),
        ({"leaf": 1}, "None is not an algorithm"),
        ({"algorithm": "linear", "depth": 1.5}, "'depth' is not in the space"),
        ({"algorithm": "forest", "depth": 3.0}, "outside of the space"),
        ({"algorithm": "linear", "leaf": 1.5}, "outside of the space"),
    ],
)
def test_parameters_outside_of_the_space_are_named(params, message):
    with pytest.raises(Invalid, match=message):
        check_params(SPACE, params)
