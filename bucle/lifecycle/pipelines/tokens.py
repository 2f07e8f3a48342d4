"""A live value as text, so that values which may act differently read differently."""

import copyreg
import dataclasses
import enum
import functools
import pickle
import weakref
from collections.abc import Iterable, Iterator, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Protocol

import msgspec

from bucle.base.digest import digest_bytes
from bucle.base.refs import Ref
from bucle.lifecycle.pipelines.bytecode import constant_token
from bucle.lifecycle.pipelines.define import Pipeline, Step
from bucle.lifecycle.pipelines.origin import Origin

_PLAIN = (type(None), bool, int, float, complex, type(Ellipsis), type(NotImplemented))
_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)
_WEAK = (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
# What Python or a base class keeps in a class for itself.
_BOOKKEEPING = frozenset(
    {"__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "_abc_impl",
     "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__",
     "__dataclass_params__", "__struct_config__", "__conditional_annotations__"}
)  # fmt: skip
_LARGE_BYTES = 256
# What taking an object apart raises where it cannot be.
_UNREADABLE = (TypeError, ValueError, AttributeError, NotImplementedError, pickle.PicklingError)


class Reader(Protocol):
    """The walk that tokens hand functions, classes and files to."""

    origin: Origin

    def refer(self, thing: object) -> str:
        """Name a function, class or module, and read it if it is the project's."""
        ...

    def file(self, text: str, module: str) -> None:
        """Read the file that a text names, if it names one."""
        ...

    def doubt(self, label: str, reason: str) -> None:
        """Note why the reading may not be all."""
        ...


class Tokens:
    """The text of one part, as it is collected."""

    def __init__(self, reader: Reader, *, label: str, module: str) -> None:
        self.reader = reader
        self.label = label
        self.module = module
        self._texts: list[str] = []
        self._open: dict[int, object] = {}  # what is being written: it may hold itself

    def digest(self) -> str:
        """Return the digest of everything that was added."""
        return digest_bytes("\x1f".join(self._texts).encode("utf-8", "surrogatepass"))

    def text(self, *texts: str) -> None:
        """Add texts as they are."""
        self._texts.extend(texts)

    def add(self, value: object) -> None:
        """Add a value of any kind."""
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            self.text(constant_token(value))
        elif isinstance(value, str | bytes | bytearray | memoryview):
            self._add_text(value)
        elif id(value) in self._open:
            self.text("itself")
        else:
            self._open[id(value)] = value
            self._add_composed(value)
            del self._open[id(value)]

    def add_class(self, kind: type) -> None:
        """Add a class of the project: its bases and all of its members."""
        self.text("class", kind.__qualname__, self.reader.refer(type(kind)))
        self.text(*(self.reader.refer(base) for base in kind.__bases__))
        if issubclass(kind, msgspec.Struct):  # keeps its defaults where vars() does not look
            for default in kind.__struct_defaults__:
                factory = getattr(default, "factory", None)
                self.add(factory if factory is not None else default)
        for name, member in vars(kind).items():
            if name in _BOOKKEEPING or isinstance(member, _DESCRIPTORS):
                continue
            self.text(name)
            self.add(member)

    def _add_text(self, value: str | bytes | bytearray | memoryview) -> None:
        if isinstance(value, str):
            self.text(f"str:{value}")
            self.reader.file(value, self.module)
            if type(value) is not str:
                self.text(self.reader.refer(type(value)))
            return
        content = bytes(value)
        large = len(content) > _LARGE_BYTES
        self.text(f"{type(value).__name__}:{digest_bytes(content) if large else content!r}")

    def _add_composed(self, value: object) -> None:
        match value:
            case Step():
                self.text("step", str(value.options.outputs))
                self.add(value.function)
            case Pipeline():
                self.add(value.function)
            case FunctionType() | type() | ModuleType():
                self.text(self.reader.refer(value))
            case MethodType():
                self.text("method")
                self._add_all((value.__func__, value.__self__))
            case staticmethod() | classmethod():
                self.text(type(value).__name__)
                self.add(value.__func__)
            case property():
                self.text("property")
                self._add_all((value.fget, value.fset, value.fdel))
            case functools.cached_property():
                self.text("cached_property")
                self.add(value.func)
            case CodeType() | Ref():
                self.text(constant_token(value))
            case BuiltinFunctionType():
                self._add_builtin(value)
            case _:
                self._add_collection(value)

    def _add_builtin(self, value: BuiltinFunctionType) -> None:
        self.text(self.reader.refer(value))
        if not isinstance(value.__self__, ModuleType | type(None)):
            self.add(value.__self__)

    def _add_collection(self, value: object) -> None:
        kind = type(value)
        if kind in {list, tuple}:
            self.text(f"{kind.__name__}({len(value)})")  # type: ignore[arg-type]
            self._add_all(value)  # type: ignore[arg-type]
        elif isinstance(value, MappingProxyType) or kind is dict:
            assert isinstance(value, Mapping)
            self.text(f"dict({len(value)})")
            for key, part in value.items():
                self._add_all((key, part))
        elif kind in {set, frozenset}:
            self.text(f"{kind.__name__}({len(value)})")  # type: ignore[arg-type]
            self.text(*sorted(self._alone(part) for part in value))  # type: ignore[attr-defined]
        elif isinstance(value, enum.Enum):
            self.text(self.reader.refer(kind), value.name)
        elif isinstance(value, dataclasses.Field):
            self._add_field(value)
        elif isinstance(value, _WEAK):
            self.text("weak")  # what it holds is held, and read, elsewhere
        else:
            self._add_instance(value)

    def _add_instance(self, value: object) -> None:
        """Add an object as pickle would take it apart: by class, arguments and state."""
        wrapped = getattr(value, "__dict__", {}).get("__wrapped__")
        if wrapped is not None:
            self.text("wraps")
            self.add(wrapped)
        registered = copyreg.dispatch_table.get(type(value))
        try:
            taken = registered(value) if registered else value.__reduce_ex__(4)
        except _UNREADABLE:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            self.reader.doubt(self.label, f"holds a {kind}, whose content has no digest")
            return
        self.text(self.reader.refer(type(value)))
        if isinstance(taken, str):
            self.text(taken)
            if wrapped is None and self.reader.origin.owns(str(getattr(value, "__module__", ""))):
                self.text(self.reader.refer(value))
            return
        for part in taken:
            if isinstance(part, Iterator):
                self._add_all(tuple(part))
            elif part is copyreg.__newobj__:  # type: ignore[attr-defined]
                continue
            else:
                self.add(part)

    def _add_field(self, value: "dataclasses.Field[object]") -> None:
        """Add a dataclass's field, without the sentinels that say what was left out."""
        self.text(value.name, str(value.type), f"{value.init} {value.repr} {value.hash}")
        self.text(f"{value.compare} {value.kw_only}")
        for given in (value.default, value.default_factory, value.metadata):
            self.text("none") if given is dataclasses.MISSING else self.add(given)

    def _add_all(self, values: Iterable[object]) -> None:
        for value in values:
            self.add(value)

    def _alone(self, value: object) -> str:
        """Return a value's own digest: the members of a set have no order."""
        alone = Tokens(self.reader, label=self.label, module=self.module)
        alone.add(value)
        return alone.digest()
