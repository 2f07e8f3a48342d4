"""The pages: a frozen context and a template each."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.interfaces.web.explored import report_of
    from bucle.interfaces.web.pages import EXPLORE, Shelf
    from bucle.interfaces.web.render import Chrome, document, page, static_file
    from bucle.interfaces.web.words import Language
else:
    open_by_name(__name__, {
        "explored": "report_of",
        "pages": "EXPLORE Shelf",
        "render": "Chrome document page static_file",
        "words": "Language",
    })  # fmt: skip

__all__ = ["EXPLORE", "Chrome", "Language", "Shelf", "document", "page", "report_of", "static_file"]
