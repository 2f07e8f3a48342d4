"""Gradient boosting is kept in its library's own format, and says what the model says."""

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import House
from bucle.lifecycle.registry import Package, Packaging, Predictor, load_package, package_model
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.flavors import FLAVORS, native
from bucle.lifecycle.registry.load import statement
from bucle.lifecycle.registry.verify import verify_package
from tests.unit.lifecycle.registry import models

BOTH = ("xgboost", "lightgbm")
KINDS = ("regressor", "classifier", "of three", "on an array", "early stopped")


@pytest.fixture(params=BOTH)
def library(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return request.param


def estimator(library: str, kind: str, rows: pa.Table) -> object:
    module = pytest.importorskip(library)
    prefix = {"xgboost": "XGB", "lightgbm": "LGBM"}[library]
    quiet = {"verbosity": 0} if library == "xgboost" else {"verbose": -1}
    asked = {"n_estimators": 8, "n_jobs": 1, "random_state": 0} | quiet
    frame = models.frame(rows, models.NUMBERS)
    count = rows.column("count").to_numpy()
    if kind == "regressor":
        return getattr(module, f"{prefix}Regressor")(**asked).fit(frame, count)
    if kind == "on an array":
        return getattr(module, f"{prefix}Regressor")(**asked).fit(frame.to_numpy(), count)
    if kind == "early stopped":
        return stopped_early(library, frame, count)
    cuts = [0.5] if kind == "classifier" else [0.3, 0.6]
    label = np.digitize(count, np.quantile(count, cuts))
    return getattr(module, f"{prefix}Classifier")(**asked).fit(frame, label)


def stopped_early(library: str, frame: object, count: np.ndarray) -> object:
    """A regressor whose best round is not its last."""
    noise = np.random.default_rng(0).normal(size=len(count)) * 40
    if library == "xgboost":
        import xgboost

        model = xgboost.XGBRegressor(
            n_estimators=200, n_jobs=1, early_stopping_rounds=5, learning_rate=0.5
        )
        return model.fit(frame, count + noise, eval_set=[(frame, count)], verbose=False)
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=200, n_jobs=1, learning_rate=0.5, verbose=-1)
    stop = lightgbm.early_stopping(5, verbose=False)
    return model.fit(frame, count + noise, eval_set=[(frame, count)], callbacks=[stop])


def packed(house: House, model: object, rows: pa.Table) -> Package:
    example = rows.select(models.NUMBERS)
    return package_model(house.drivers, model, Packaging(example=example[:9], check=example))


def loaded(house: House, package: Package) -> Predictor:
    signature = house.keys.sign(statement(package.digest))
    drivers = house.drivers
    return load_package(
        drivers.blobs, package.digest, signature, house.keys.public_hex, drivers.cache_path
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_booster_predicts_what_its_estimator_predicts(
    house: House, rentals: pa.Table, library: str, kind: str
) -> None:
    model = estimator(library, kind, rentals)
    package = packed(house, model, rentals)
    predictor = loaded(house, package)
    columns = columns_of(rentals, predictor.signature.inputs)
    own, answers = native.run_model(model, columns), predictor.predict(columns)
    assert predictor.flavor == library
    assert set(answers) == set(own)
    for name, expected in own.items():
        assert answers[name].dtype == expected.dtype
        np.testing.assert_allclose(answers[name], expected, rtol=1e-5)
    assert packed(house, model, rentals).digest == package.digest


def test_a_bare_booster_tells_its_task_and_classes_by_its_objective(
    house: House, rentals: pa.Table, library: str
) -> None:
    module = pytest.importorskip(library)
    frame = models.frame(rentals, models.NUMBERS)
    high = (rentals.column("high").to_numpy() == "yes").astype(int)
    if library == "xgboost":
        asked = {"objective": "binary:logistic", "nthread": 1}
        booster = module.train(asked, module.DMatrix(frame, high), num_boost_round=5)
    else:
        asked = {"objective": "binary", "verbose": -1, "num_threads": 1}
        booster = module.train(asked, module.Dataset(frame, high), num_boost_round=5)
    package = packed(house, booster, rentals)
    assert (package.manifest.task, package.manifest.classes) == ("classification", (0, 1))
    assert [field.name for field in package.manifest.signature.inputs] == models.NUMBERS
    columns = columns_of(rentals, package.manifest.signature.inputs)
    answers = loaded(house, package).predict(columns)
    assert set(answers["prediction"].tolist()) == {0, 1}
    assert ((answers["probability"] > 0.5) == answers["prediction"]).all()


def test_a_booster_takes_gaps_and_says_so(house: House, rentals: pa.Table, library: str) -> None:
    package = packed(house, estimator(library, "regressor", rentals), rentals)
    assert all(field.nullable for field in package.manifest.signature.inputs)
    predictor = loaded(house, package)
    gap = {"heat": np.array([np.nan, 3.0]), "hour": np.array([2, 3])}
    assert np.isfinite(predictor.predict(gap)["prediction"]).all()


def test_a_booster_works_where_only_its_lock_is_installed(
    house: House, rentals: pa.Table, library: str
) -> None:
    package = packed(house, estimator(library, "classifier", rentals), rentals)
    verdict = verify_package(house.drivers, package, "clean", home=house.settings.home_path)
    assert verdict.ok
    assert "else hidden" in verdict.note


def test_a_file_that_is_no_booster_is_refused_in_words(
    house: House, rentals: pa.Table, library: str
) -> None:
    package = packed(house, estimator(library, "regressor", rentals), rentals)
    with pytest.raises(Invalid, match="is no model of"):
        FLAVORS[library].load(b"\x80\x04no booster", package.manifest, 1)


def test_a_column_of_text_is_refused_by_name(house: House, rentals: pa.Table) -> None:
    pytest.importorskip("xgboost")
    model = estimator("xgboost", "on an array", rentals)
    with pytest.raises(Invalid, match="'city' of a xgboost model is string"):
        package_model(house.drivers, model, Packaging(example=rentals.select(["heat", "city"])[:5]))
