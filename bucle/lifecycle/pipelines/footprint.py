"""The footprint of a function: everything of the project that its result may depend on.

It is read from the live objects right after the project was imported, in a process of its own:
the bytecode of functions, the members of classes, the values of constants, whatever closures,
defaults and decorators hold, the files that constants name, and so on through all of them.
What belongs to the environment is named, not read: the lock tells its versions apart.
"""

import builtins
import importlib
import importlib.util
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType

from bucle.base.digest import digest_bytes, digest_file, digest_value
from bucle.lifecycle.pipelines.bytecode import Reading, read_code
from bucle.lifecycle.pipelines.origin import Origin, module_file
from bucle.lifecycle.pipelines.tokens import Tokens

# What a function can learn through these is in nobody's footprint.
_HIDDEN = {
    "builtins.eval": "runs code that is made while it runs (eval)",
    "builtins.exec": "runs code that is made while it runs (exec)",
    "builtins.globals": "looks its names up while it runs (globals)",
    "builtins.__import__": "imports a module that is named while it runs",
    "importlib.import_module": "imports a module that is named while it runs",
    "os.environ": "reads environment variables; pass them as parameters",
    "os.getenv": "reads environment variables; pass them as parameters",
}


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The parts of the project that a function uses, each with its digest.

    Attributes:
        parts: `module:name` -> digest; a change of any is a change of the function.
        doubts: why the footprint may not be all; with a doubt nothing is taken from the cache.
    """

    parts: dict[str, str]
    doubts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The digest of all the parts together."""
        return digest_value(self.parts)


def footprint_of(
    thing: object, origin: Origin, *, given: object = None, module: str = ""
) -> Footprint:
    """Walk from a function or class, and what it is given, to all of the project that they use."""
    walk = _Walk(origin)
    walk.give("arguments", given, module or str(getattr(thing, "__module__", "")))
    walk.refer(thing)
    return walk.finish()


class _Walk:
    """One walk: each function, class, constant and module is a part, and is read once."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.parts: dict[str, str] = {}
        self.doubts: dict[str, None] = {}
        self.queue: deque[tuple[str, Callable[[str], str]]] = deque()
        self.labels: dict[int, str] = {}
        self.taken: set[str] = set()
        self.kept: list[object] = []  # an id means nothing once its object is gone

    def finish(self) -> Footprint:
        """Read parts until none is left."""
        while self.queue:
            label, read = self.queue.popleft()
            self.parts[label] = read(label)
        return Footprint(parts=dict(sorted(self.parts.items())), doubts=tuple(self.doubts))

    def give(self, label: str, value: object, module: str) -> None:
        """Make a value a part under a label."""
        self.taken.add(label)
        self.queue.append((label, lambda label: self._read_value(value, label, module)))

    def doubt(self, label: str, reason: str) -> None:
        """Note why the footprint may not be all."""
        self.doubts[f"{label} {reason}"] = None

    def refer(self, thing: object) -> str:
        """Name a function, class or module, and see that it is read if it is the project's."""
        if id(thing) in self.labels:
            return self.labels[id(thing)]
        match thing:
            case FunctionType():
                return self._refer_function(thing)
            case type():
                name = f"{thing.__module__}:{thing.__qualname__}"
                owned = self.origin.owns(thing.__module__)
                return self._part(thing, name, self._read_class) if owned else name
            case ModuleType():
                owned = self.origin.owns(thing.__name__)
                return self._part(thing, thing.__name__, self._read_module) if owned else (
                    f"module {thing.__name__}")  # fmt: skip
        return self._refer_compiled(thing)

    def file(self, text: str, module: str) -> None:
        """If a text names a file, make its content a part."""
        if path := self.origin.file_named(text, module):
            label = f"file:{text}"
            if label not in self.taken:
                self.taken.add(label)
                self.parts[label] = digest_file(path)

    def _part(self, thing: object, name: str, read: Callable[..., str]) -> str:
        label, count = name, 1
        while label in self.taken:  # two closures of one function are two parts
            count += 1
            label = f"{name}#{count}"
        self.taken.add(label)
        self.labels[id(thing)] = label
        self.kept.append(thing)
        self.queue.append((label, lambda label: read(thing, label)))
        return label

    def _refer_function(self, function: FunctionType) -> str:
        module = str(function.__globals__.get("__name__", "?"))
        said = str(function.__module__)
        if not (self.origin.owns(module) or self.origin.owns(said)) and _is_at_its_name(function):
            return f"{said}:{function.__qualname__}"
        name = f"{module}:{function.__code__.co_qualname}"
        return self._part(function, name, self._read_function)

    def _refer_compiled(self, thing: object) -> str:
        """Name a function of a compiled module; the project's own is its file."""
        module = str(getattr(thing, "__module__", None) or "builtins")
        name = f"{module}:{getattr(thing, '__qualname__', type(thing).__qualname__)}"
        loaded = sys.modules.get(module)
        if self.origin.owns(module) and loaded is not None:
            self.refer(loaded)
        return name

    def _read_function(self, function: FunctionType, label: str) -> str:
        module = str(function.__globals__.get("__name__", "?"))
        tokens = Tokens(self, label=label, module=module)
        if self.origin.owns(module):
            reading = read_code(function.__code__)
            tokens.text(*reading.tokens)
            self._follow(function, reading, tokens)
            tokens.add(_annotations(function))
        else:  # made by a call of a library, as by its decorator: what it was made with counts
            tokens.text(label)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (),
                              strict=True):  # fmt: skip
            tokens.text(name)
            if not _is_empty(cell):
                tokens.add(cell.cell_contents)
        tokens.add(function.__defaults__)
        tokens.add(function.__kwdefaults__)
        tokens.add({name: value for name, value in vars(function).items()
                    if not name.startswith("__") or name == "__wrapped__"})  # fmt: skip
        return tokens.digest()

    def _follow(self, function: FunctionType, reading: Reading, tokens: Tokens) -> None:
        module = tokens.module
        for text in reading.texts:
            self.file(text, module)
        for chain in dict.fromkeys(reading.chains):
            tokens.text(".".join(chain), self._resolve(function.__globals__, chain, tokens.label))
        for name, level, names in dict.fromkeys(reading.imports):
            self._hidden_import(function, (name, level, names), tokens)

    def _resolve(self, names: dict[str, object], chain: tuple[str, ...], label: str) -> str:
        """Name what a chain of attributes leads to; the project's part of it is read."""
        head, *rest = chain
        if head not in names:
            if hasattr(builtins, head):
                return self._known(f"builtins.{head}", label)
            return f"nothing is called {head}"
        value = names[head]
        if isinstance(value, ModuleType):
            if not self.origin.owns(value.__name__):
                return self._known(".".join((value.__name__, *rest)), label)
            if rest and rest[0] in vars(value):
                return self._resolve(vars(value), tuple(rest), label)
            return self.refer(value)
        return self._known(self._refer_global(value, str(names.get("__name__", "?")), head), label)

    def _refer_global(self, value: object, module: str, name: str) -> str:
        """Name a global value: a function or class by its own name, data by where it stands."""
        if isinstance(value, FunctionType | type | BuiltinFunctionType):
            return self.refer(value)
        if not self.origin.owns(module):
            return f"{module}:{name}"
        label = f"{module}:{name}"
        if label not in self.taken:
            self.give(label, value, module)
        return label

    def _known(self, name: str, label: str) -> str:
        """Note a doubt where a name opens a door that nobody can look through."""
        dotted = name.replace(":", ".")
        for hidden, reason in _HIDDEN.items():
            if dotted == hidden or dotted.startswith(f"{hidden}."):
                self.doubt(label, reason)
        return name

    def _hidden_import(
        self, function: FunctionType, wanted: tuple[str, int, tuple[str, ...]], tokens: Tokens
    ) -> None:
        """Follow an import inside a function as if it stood at the head of its module."""
        name, level, names = wanted
        package = str(function.__globals__.get("__package__") or "")
        absolute = importlib.util.resolve_name("." * level + name, package) if level else name
        try:
            module = importlib.import_module(absolute)
        except ImportError:
            tokens.text(f"{absolute} cannot be imported")
            return
        if not self.origin.owns(absolute):
            tokens.text(*(self._known(f"{absolute}.{each}", tokens.label) for each in names))
            if not names:
                tokens.text(absolute)
            return
        if not names or "*" in names:
            tokens.text(self.refer(module))
        for each in names:
            self._submodule(absolute, each)
            if each in vars(module):
                tokens.text(each, self._resolve(vars(module), (each,), tokens.label))

    def _submodule(self, package: str, name: str) -> None:
        if not hasattr(sys.modules[package], name):
            try:
                importlib.import_module(f"{package}.{name}")
            except ImportError:
                return

    def _read_value(self, value: object, label: str, module: str) -> str:
        tokens = Tokens(self, label=label, module=module)
        tokens.add(value)
        return tokens.digest()

    def _read_class(self, kind: type, label: str) -> str:
        tokens = Tokens(self, label=label, module=kind.__module__)
        tokens.add_class(kind)
        return tokens.digest()

    def _read_module(self, module: ModuleType, label: str) -> str:
        """Read a whole module: it was handed on, so any of its names may be used."""
        path = module_file(module)
        tokens = Tokens(self, label=label, module=module.__name__)
        if path is not None and path.is_file() and path.suffix != ".py":
            tokens.text(digest_bytes(path.read_bytes()))
            return tokens.digest()
        for name in list(vars(module)):
            if not (name.startswith("__") and name.endswith("__")):
                tokens.text(name, self._resolve(vars(module), (name,), label))
        return tokens.digest()


def _is_at_its_name(function: FunctionType) -> bool:
    """Tell whether a function is found where its name says, and not made by a call."""
    found: object = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def _annotations(function: FunctionType) -> dict[str, object]:
    try:
        return dict(function.__annotations__)
    except NameError:  # a name that only type checkers import: it cannot change a result
        return {}


def _is_empty(cell: object) -> bool:
    try:
        cell.cell_contents  # type: ignore[attr-defined]  # noqa: B018
    except ValueError:  # a recursive function that is not bound yet
        return True
    return False
