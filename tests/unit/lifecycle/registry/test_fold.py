"""What is linear from end to end becomes one sum; what is not says at which part it stops."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.flavors import linear, native
from bucle.lifecycle.registry.fold import NotLinearError, fold
from bucle.lifecycle.registry.records import Field, Manifest, Signature
from tests.unit.lifecycle.registry import kinds

INPUTS = tuple(
    Field(name=name, type="string" if name == "city" else "float64") for name in kinds.COLUMNS
)
NUMBERS = INPUTS[:-1]


def runner(model: Any, inputs: tuple[Field, ...]) -> linear.LinearRunner:
    manifest = Manifest(
        flavor="linear",
        task="",
        signature=Signature(inputs=inputs, outputs=()),
        classes=tuple(np.asarray(getattr(model, "classes_", ())).tolist()),
        files={},
    )
    return linear.load(fold(model, inputs), manifest, 1)


@pytest.mark.parametrize(
    "step",
    [
        RobustScaler(),
        MaxAbsScaler(),
        MinMaxScaler((-1, 3)),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        PCA(3),
        SelectKBest(k=2),
        SimpleImputer(strategy="median"),
        "passthrough",
        make_pipeline(StandardScaler(), PCA(4)),
    ],
    ids=str,
)
def test_a_step_before_a_linear_model_is_part_of_the_sum(step: Any) -> None:
    model = make_pipeline(step, linear_model.Ridge()).fit(kinds.X, kinds.NUMBER)
    columns = columns_of(kinds.FITTED, NUMBERS)
    found = runner(model, NUMBERS).run(columns)
    assert not difference(native.run_model(model, columns), found, tolerance=1e-10)


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(drop="first"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ],
    ids=str,
)
def test_each_category_adds_what_its_code_adds(encoder: Any) -> None:
    picks = make_column_transformer((encoder, ["city"]), remainder="passthrough")
    model = make_pipeline(picks, linear_model.LogisticRegression()).fit(kinds.FRAME, kinds.THREE)
    columns = columns_of(kinds.FITTED, INPUTS)
    found = runner(model, INPUTS).run(columns)
    assert not difference(native.run_model(model, columns), found, tolerance=1e-10)


def test_a_missing_number_is_filled_in_as_the_imputer_fills_it() -> None:
    model = make_pipeline(SimpleImputer(), linear_model.Ridge()).fit(kinds.X, kinds.NUMBER)
    columns = columns_of(kinds.FITTED, NUMBERS) | {"x3": np.full(len(kinds.X), np.nan)}
    found = runner(model, NUMBERS).run(columns)
    assert not difference(native.run_model(model, columns), found, tolerance=1e-10)


def _encoded(unknown: str) -> Any:
    picks = make_column_transformer(
        (OneHotEncoder(handle_unknown=unknown), ["city"]), remainder="drop"
    )
    return make_pipeline(picks, linear_model.Ridge()).fit(kinds.FRAME, kinds.NUMBER)


def test_a_category_that_was_never_seen_adds_nothing_or_is_refused_by_its_column() -> None:
    columns = {name: column[:1] for name, column in columns_of(kinds.FITTED, INPUTS).items()}
    columns["city"] = np.array(["atlantis"], dtype=object)
    ignoring = _encoded("ignore")
    found = runner(ignoring, INPUTS).run(columns)
    assert not difference(native.run_model(ignoring, columns), found, tolerance=1e-10)
    with pytest.raises(Invalid, match="'city' holds 'atlantis', which the model was not fitted"):
        runner(_encoded("error"), INPUTS).run(columns)


def test_a_score_far_from_zero_is_sure_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    model = linear_model.LogisticRegression(C=1e6).fit(kinds.X * 1e3, kinds.TWO)
    far = {field.name: np.array([-1e6, 1e6]) for field in NUMBERS}
    found = runner(model, NUMBERS).run(far)["probability"]
    assert np.isfinite(found).all()
    assert not recwarn.list


class Doubled(TransformerMixin, BaseEstimator):
    """Somebody's own transformer."""

    def fit(self, _rows: Any, _target: Any = None) -> "Doubled":
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        return rows * 2


@pytest.mark.parametrize(
    ("step", "last", "message"),
    [
        (PolynomialFeatures(), linear_model.Ridge(), "PolynomialFeatures is not folded"),
        (Doubled(), linear_model.Ridge(), "Doubled is not scikit-learn's"),
        (MinMaxScaler(clip=True), linear_model.Ridge(), "MinMaxScaler clips"),
        (PCA(2, whiten=True), linear_model.Ridge(), "PCA whitens"),
        (SimpleImputer(add_indicator=True), linear_model.Ridge(), "SimpleImputer looks for"),
        (
            make_pipeline(StandardScaler(), SimpleImputer()),
            linear_model.Ridge(),
            "SimpleImputer comes after another",
        ),
        (
            StandardScaler(),
            linear_model.SGDClassifier(loss="modified_huber"),
            "SGDClassifier is no linear model",
        ),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_part_that_is_no_sum_is_named(step: Any, last: Any, message: str) -> None:
    target = kinds.NUMBER if isinstance(last, linear_model.Ridge) else kinds.TWO
    model = make_pipeline(step, last).fit(kinds.X, target)
    with pytest.raises(NotLinearError, match=message):
        fold(model, NUMBERS)


def test_a_model_of_several_numbers_is_not_folded() -> None:
    two = pd.DataFrame({"a": kinds.NUMBER, "b": -kinds.NUMBER})
    with pytest.raises(NotLinearError, match="gives several numbers for a row"):
        fold(linear_model.LinearRegression().fit(kinds.X, two), NUMBERS)
