"""Find a pipeline by its reference, `module:name`, in a project's folder."""

import importlib
import sys
from pathlib import Path

from bucle.base.errors import Invalid, NotFound
from bucle.lifecycle.pipelines.define import Pipeline

AnyPipeline = Pipeline[..., object]


def load_pipeline(folder: Path, reference: str) -> AnyPipeline:
    """Import a pipeline, as Python would with the folder as the current one.

    It is called in a process of its own, so that every run sees the code as it is now.

    Raises:
        Invalid: no `module:name`, or what bears the name is no pipeline.
        NotFound: there is no such folder, module or name.
    """
    module_name, colon, name = reference.partition(":")
    if not (module_name and colon and name):
        raise Invalid(f"{reference!r} does not name a pipeline", hint="write module:function")
    if not folder.is_dir():
        raise NotFound(f"the project's folder {folder} does not exist")
    enter_folder(folder)
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise NotFound(
            f"there is no module {module_name!r} in {folder}", hint=f"ls {folder}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise NotFound(f"module {module_name!r} in {folder} has no {name!r}",
                           hint="decorate a function with @pipeline")  # fmt: skip
        found = getattr(found, part)
    if not isinstance(found, Pipeline):
        raise Invalid(
            f"{reference!r} is a {type(found).__name__} and no pipeline",
            hint="decorate the function with @pipeline",
        )
    return found


def enter_folder(folder: Path) -> None:
    """Let this process import the project's modules, before any that bear the same name.

    No compiled files are written: Python tells an edit by the second and the length, which
    two quick edits may share, and then runs what was.
    """
    sys.dont_write_bytecode = True
    place = str(folder.resolve())
    if sys.path[:1] != [place]:
        sys.path.insert(0, place)


def reference_of(pipeline: AnyPipeline) -> str:
    """Return the reference under which another process finds a pipeline.

    Raises:
        Invalid: it was defined in a notebook, at a prompt, or inside a function.
    """
    module, name = pipeline.function.__module__, pipeline.function.__qualname__
    if module == "__main__":
        main = sys.modules["__main__"]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name if spec else Path(file).stem if file else ""
    if not module or "<locals>" in name:
        raise Invalid(
            f"pipeline {pipeline.name!r} is defined where no other process can find it",
            hint="write it at the top of a module (a .py file) and import it",
        )
    return f"{module}:{name}"
