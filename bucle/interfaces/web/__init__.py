"""The pages: a frozen context and a template each."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.interfaces.web.pages import Shelf
    from bucle.interfaces.web.render import Chrome, page, static_file
else:
    open_by_name(__name__, {"pages": "Shelf", "render": "Chrome page static_file"})

__all__ = ["Chrome", "Shelf", "page", "static_file"]
