"""Names that say nothing (house style, section 7) do not enter the house."""

import re
from pathlib import PurePath

from tests.architecture.sources import classes, functions, parameters, sources

_MODULES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "core", "manager",
                      "managers", "base_classes", "service", "services", "repository"})  # fmt: skip
_CLASS = re.compile(
    r"Base[A-Z].*|Abstract[A-Z].*|.*(Impl|Manager|Helper|Utils?|Service|Repository)"
)
_FUNCTION = re.compile(r"_?(process|do|handle_stuff|perform)_.*")
_BARE = frozenset({"time", "size", "data", "info", "obj", "kwargs_dict"})

_FOREIGN_PARAMETERS = ("bucle/interfaces/http/", "bucle/interfaces/client/rooms/")

# Methods that SQLAlchemy calls by these names.
_FOREIGN = frozenset({"process_bind_param", "process_result_value"})


def test_no_module_has_a_name_that_could_hold_anything() -> None:
    named = [file.path for file in sources("bucle", "tests")
             if {*PurePath(file.path).with_suffix("").parts} & _MODULES]  # fmt: skip
    assert named == []


def test_no_class_is_called_by_its_pattern() -> None:
    named = [f"{file.at(node)} {node.name}" for file in sources() for node in classes(file)
             if _CLASS.fullmatch(node.name)]  # fmt: skip
    assert named == []


def test_no_function_just_processes_or_does() -> None:
    named = [f"{file.at(node)} {node.name}" for file in sources() for node in functions(file)
             if _FUNCTION.fullmatch(node.name) and node.name not in _FOREIGN]  # fmt: skip
    assert named == []


def test_no_parameter_is_called_data_info_obj_time_or_size() -> None:
    # Litestar gives a handler's body as `data`, and Litestar lives in interfaces/http; the
    # client's rooms are generated, and their parameters are the fields of requests.
    named = [f"{file.at(node)} {node.name}({argument.arg})"
             for file in sources() if not file.path.startswith(_FOREIGN_PARAMETERS)
             for node in functions(file) for argument in parameters(node)
             if argument.arg in _BARE]  # fmt: skip
    assert named == []
