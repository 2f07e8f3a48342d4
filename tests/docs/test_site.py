"""The documentation builds without a warning, and says every operation of the table."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bucle.base.errors import STATUS
from bucle.base.settings import Settings
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import all_rows

ROOT = Path(__file__).resolve().parents[2]


class _Words(HTMLParser):
    """Collect the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the documentation, built from scratch, warnings being errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html",
               "-d", folder / "trees", ROOT / "docs", folder / "html"]  # fmt: skip
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_every_operation_is_on_its_page(site: Path) -> None:
    words = _words(site / "generated" / "operations.html")
    assert [row.name for row in all_rows() if row.name not in words] == []
    assert [row.name for row in all_rows() if row.path not in words] == []


def test_every_setting_permission_and_error_is_on_its_page(site: Path) -> None:
    settings = _words(site / "generated" / "settings.html")
    assert [
        name for name in Settings.__struct_fields__ if f"BUCLE_{name.upper()}" not in settings
    ] == []
    permissions = _words(site / "generated" / "permissions.html")
    assert [permission for permission in Permission if permission not in permissions] == []
    errors = _words(site / "generated" / "errors.html")
    assert [kind for kind in STATUS if kind.__name__ not in errors] == []


def _words(page: Path) -> str:
    parser = _Words()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.text
