"""What is registered works where only its lock is installed, or is refused with the reason."""

import os
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from bucle.base.codec import canonical_json
from bucle.base.errors import Refused, Unavailable
from bucle.base.verdict import Verdict
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.session import House
from bucle.lifecycle.registry import (
    ModelLog,
    Package,
    PackageFile,
    Packaging,
    Registration,
    get_version,
    log_model,
    package_model,
    register,
)
from bucle.lifecycle.registry.requirements import Lock, read_lock
from bucle.lifecycle.registry.trial import OnlyThese, modules_of
from bucle.lifecycle.registry.verify import _reason, differing, verify_package
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.registry import models

WRITTEN = """
import numpy as np

from {helper} import factor


class Doubler:
    def predict(self, columns):
        return columns["heat"] * factor()
"""


@pytest.fixture
def careful(tmp_path: Path):
    """A house that tries what it registers."""
    opened = open_test_house(tmp_path / "careful", verify="clean")
    yield opened
    opened.close()


def test_a_version_says_that_its_package_was_tried_and_where(
    careful: House, rentals: pa.Table
) -> None:
    session = careful.session()
    log = ModelLog(example=rentals[:5], target="count")
    version = log_model(session, models.linear(rentals), "demand", log)
    with session.begin(write=False) as scope:
        verified = get_version(scope, version.ref).verified
    assert verified is not None
    assert verified.ok
    assert "in a fresh process" in verified.note
    assert "all else hidden" in verified.note


def test_a_house_that_verifies_nothing_says_so_on_the_version(
    house: House, rentals: pa.Table
) -> None:
    log = ModelLog(example=rentals[:5], target="count")
    version = log_model(house.session(), models.linear(rentals), "demand", log)
    assert version.verified == Verdict(
        name="works where it was not made", ok=False, note="not verified: BUCLE_VERIFY is off"
    )


def test_a_package_that_needs_a_module_of_its_authors_machine_is_refused_by_that_name(
    careful: House, rentals: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, project = tmp_path / "elsewhere", tmp_path / "project"
    elsewhere.mkdir()
    project.mkdir()
    (elsewhere / "authors_own_tools.py").write_text("def factor():\n    return 2.0\n")
    (project / "doubling_model.py").write_text(WRITTEN.format(helper="authors_own_tools"))
    monkeypatch.setattr(sys, "path", [str(project), str(elsewhere), *sys.path])
    module = __import__("doubling_model")
    package = pickled(careful, module.Doubler(), rentals)
    with pytest.raises(Refused, match=r"works on the machine that made it only.*authors_own_tools"):
        register(careful.session(), "doubled", package, Registration())
    with careful.session().begin(write=False) as scope:
        assert scope.tx.exec_driver_sql("SELECT count(*) FROM model_versions").scalar() == 0
    for name in ("doubling_model", "authors_own_tools"):
        monkeypatch.delitem(sys.modules, name)


def test_a_package_whose_lock_lacks_what_it_imports_is_refused_though_it_is_installed_here(
    careful: House, rentals: pa.Table
) -> None:
    def late(columns):
        import importlib

        frames = importlib.import_module("sadnap"[::-1])  # no reader of the pickle can tell
        return frames.Series(columns["heat"]).to_numpy()

    late.__module__ = "__main__"
    package = pickled(careful, late, rentals)
    assert "pandas" not in read_lock(lock_text(careful, package)).packages
    with pytest.raises(Refused, match="No module named 'pandas'") as caught:
        verify_package(careful.drivers, package, "clean", home=careful.settings.home_path)
    assert [verdict.ok for verdict in caught.value.because] == [False]
    here = verify_package(careful.drivers, package, "here", home=careful.settings.home_path)
    assert here.ok
    assert "with all that is installed" in here.note


def test_a_package_that_says_something_else_elsewhere_is_refused(
    careful: House, rentals: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTOR_OF_THIS_MACHINE", "3")

    def scaled(columns):
        import os

        return columns["heat"] * float(os.environ.get("FACTOR_OF_THIS_MACHINE", "1"))

    scaled.__module__ = "__main__"
    package = pickled(careful, scaled, rentals)
    with pytest.raises(Refused, match="something else of its example there: prediction differs"):
        register(careful.session(), "scaled", package, Registration())


def test_a_lock_of_versions_that_are_not_here_asks_for_an_index(
    careful: House, rentals: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    package = package_model(
        careful.drivers, models.linear(rentals), Packaging(example=rentals[:5], target="count")
    )
    text = lock_text(careful, package).replace("numpy==", "numpy==9")
    other = with_lock(careful, package, text)
    with pytest.raises(Unavailable, match="can not be verified in a clean environment") as caught:
        register(careful.session(), "demand", other, Registration())
    assert "BUCLE_VERIFY=here" in caught.value.hint


def test_what_differs_from_a_lock_is_named() -> None:
    told = differing(Lock(python="3.99.1", packages={"numpy": "0.1", "no-such-thing": "2"}))
    assert told[0].endswith("and not 3.99.1")
    assert told[1] == "no-such-thing not at all and not 2"
    assert told[2].startswith("numpy ")


def test_only_the_modules_of_what_is_allowed_are_found() -> None:
    finder = OnlyThese(modules_of(["numpy", "no-such-thing"]))
    assert finder.find_spec("numpy")
    assert finder.find_spec("json")
    assert finder.find_spec("pandas") is None
    own = next(Path(os.__file__).parent.glob("_sysconfigdata*.py"), None)
    assert own is None or finder.find_spec(own.stem)


def test_the_reason_is_the_last_error_and_the_first_that_led_to_it() -> None:
    trace = """Traceback (most recent call last):
  File "x.py", line 1, in load
ModuleNotFoundError: No module named 'tools'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "y.py", line 3, in main
bucle.base.errors.NotInstalled: this model needs a module
"""
    cause = "ModuleNotFoundError: No module named 'tools'"
    assert _reason(trace) == f"NotInstalled: this model needs a module ({cause})"
    assert _reason("x\nValueError: no\n") == "ValueError: no"
    assert _reason("Killed\n") == "Killed"
    assert _reason("Segmentation fault (core dumped)") == "Segmentation fault (core dumped)"


def pickled(house: House, model: object, rows: pa.Table) -> Package:
    packaging = Packaging(example=rows.select(["heat"])[:5], allow_pickle=True)
    return package_model(house.drivers, model, packaging)


def lock_text(house: House, package: Package) -> str:
    digest = package.manifest.files["requirements.txt"].digest
    return read_content(house.drivers.blobs, digest).decode()


def with_lock(house: House, package: Package, text: str) -> Package:
    blobs = house.drivers.blobs
    changed = PackageFile(digest=store_bytes(blobs, text.encode()), size_bytes=len(text))
    files = package.manifest.files | {"requirements.txt": changed}
    manifest = msgspec.structs.replace(package.manifest, files=files)
    return Package(digest=store_bytes(blobs, canonical_json(manifest)), manifest=manifest)
