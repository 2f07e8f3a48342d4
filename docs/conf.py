"""How Sphinx builds the documentation: `make docs`."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from generate import write_pages  # noqa: E402 - the path is set above

from bucle.base.version import __version__  # noqa: E402

write_pages(DOCS / "generated")

project = "Bucle"
author = "the Bucle authors"
copyright = "2026, the Bucle authors"  # noqa: A001 - Sphinx's own name
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Bucle"
html_static_path: list[str] = []
html_show_sphinx = False
