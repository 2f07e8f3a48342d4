"""Find a project's feature views by their reference, `module:name`, in its folder.

It runs the project's Python, so only a program of that person's own calls it (the command line,
the demo); a server is sent the definitions that came out.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path

from bucle.base.errors import Invalid, NotFound
from bucle.lifecycle.features.records import FeatureView
from bucle.lifecycle.features.register import check_view


def load_views(folder: Path, reference: str) -> tuple[FeatureView, ...]:
    """Import the module as it is now, and return the views that the name holds.

    Raises:
        Invalid: no `module:name`, what bears the name are no feature views, two are called the
            same, or one can not be used.
        NotFound: there is no such module or name.
    """
    module_name, colon, name = reference.partition(":")
    if not (module_name and colon and name):
        raise Invalid(f"{reference!r} names no feature views", hint="write module:NAME")
    with _importing_from(folder, module_name):
        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise NotFound(
                f"there is no module {module_name!r} in {folder}", hint=f"ls {folder}"
            ) from error
        found: object = getattr(module, name, None)
    if found is None:
        raise NotFound(
            f"module {module_name!r} in {folder} has no {name!r}",
            hint=f"{name} = (bucle.feature_view(...), ...)",
        )
    return _checked(found, reference)


def _checked(found: object, reference: str) -> tuple[FeatureView, ...]:
    several = found if isinstance(found, list | tuple) else (found,)
    views = tuple(view for view in several if isinstance(view, FeatureView))
    if len(views) != len(several):
        odd = next(type(one).__name__ for one in several if not isinstance(one, FeatureView))
        raise Invalid(
            f"{reference!r} holds a {odd}, which is no feature view",
            hint="a list of bucle.feature_view(...)",
        )
    for place, view in enumerate(views):
        check_view(view)
        if view.name in {before.name for before in views[:place]}:
            raise Invalid(f"{reference!r} has two views {view.name!r}", hint="rename one of them")
    return views


@contextmanager
def _importing_from(folder: Path, module_name: str) -> Iterator[None]:
    """Import from a folder first, and forget afterwards what came from it.

    Two projects may call their modules the same, and one may have been edited meanwhile.  No
    compiled files are written, as of two quick edits Python would see only one.
    """
    place = str(folder.resolve())
    before, wrote = dict(sys.modules), sys.dont_write_bytecode
    top = module_name.partition(".")[0]
    hidden = {name: kept for name, kept in before.items() if name.partition(".")[0] == top}
    for name in hidden:
        del sys.modules[name]
    sys.path.insert(0, place)
    sys.dont_write_bytecode = True
    invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = wrote
        sys.path.remove(place)
        for name, module in list(sys.modules.items()):
            file = str(getattr(module, "__file__", None) or "")
            if before.get(name) is not module and file.startswith(f"{place}/"):
                del sys.modules[name]
        sys.modules.update(hidden)
