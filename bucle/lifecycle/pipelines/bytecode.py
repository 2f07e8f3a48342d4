"""What a code object computes, apart from where it stands and what it says of itself.

Two codes that differ in comments, docstrings or line numbers read the same; two that may
compute something else do not.
"""

import dis
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

# Whether there is a docstring (3.13 and later) says nothing about what is computed.
_HAS_DOCSTRING = 0x4000000
_SILENT = frozenset({"NOP", "CACHE", "EXTENDED_ARG", "RESUME"})
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
# What a class body notes about its own source.
_NOTES = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_CONSTANTS = frozenset(dis.hasconst)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A code object and those nested in it.

    Attributes:
        tokens: what is computed, one text per instruction.
        chains: each global name that is read, with the attributes read from it at once.
        imports: imports inside the function: module, level, names.
        texts: the string constants, any of which may name a file.
    """

    tokens: tuple[str, ...]
    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, int, tuple[str, ...]], ...]
    texts: tuple[str, ...]


def read_code(code: CodeType) -> Reading:
    """Read a code object and the functions, comprehensions and classes inside it."""
    instructions = _spoken(code)
    nested = [read_code(const) for const in code.co_consts if isinstance(const, CodeType)]
    texts = [const for const in _flat(code.co_consts) if isinstance(const, str)]
    return Reading(
        tokens=(*_signature(code), *_tokens(instructions)),
        chains=(*_chains(instructions), *(c for inner in nested for c in inner.chains)),
        imports=(*_imports(instructions), *(i for inner in nested for i in inner.imports)),
        texts=(*texts, *(text for inner in nested for text in inner.texts)),
    )


def constant_token(value: object) -> str:
    """Write a constant with its type: `1`, `1.0` and `True` are three things."""
    match value:
        case CodeType():
            return "code(" + "\x1e".join(read_code(value).tokens) + ")"
        case tuple():
            return "tuple(" + "\x1e".join(constant_token(part) for part in value) + ")"
        case frozenset():  # iterates in another order in every process
            return "frozenset(" + "\x1e".join(sorted(constant_token(part) for part in value)) + ")"
    return f"{type(value).__name__}:{value!r}"


def _spoken(code: CodeType) -> list[dis.Instruction]:
    """Return the instructions that do something, without a class body's notes on itself."""
    kept: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname in _SILENT:
            continue
        if instruction.opname == "STORE_NAME" and instruction.argval in _NOTES and kept:
            kept.pop()
            continue
        kept.append(instruction)
    return kept


def _signature(code: CodeType) -> tuple[str, ...]:
    count = code.co_argcount + code.co_kwonlyargcount
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    return (
        f"{code.co_name} {shape} {code.co_varnames[:count]} {code.co_flags & ~_HAS_DOCSTRING}",
        code.co_exceptiontable.hex(),
    )


def _tokens(instructions: list[dis.Instruction]) -> Iterator[str]:
    offsets = [instruction.offset for instruction in instructions]
    for instruction in instructions:
        if instruction.opcode in _JUMPS:
            target = sum(offset < instruction.argval for offset in offsets)
            yield f"{instruction.opname} to {target}"
        elif instruction.opcode in _CONSTANTS:
            yield f"{instruction.opname} {constant_token(instruction.argval)}"
        elif instruction.opname in {"LOAD_SMALL_INT", "COMPARE_OP"} or instruction.arg is None:
            yield f"{instruction.opname} {instruction.argrepr}"
        else:
            yield f"{instruction.opname} {instruction.argrepr or instruction.arg}"


def _chains(instructions: list[dis.Instruction]) -> Iterator[tuple[str, ...]]:
    for place, instruction in enumerate(instructions):
        if instruction.opname not in _GLOBALS:
            continue
        chain = [str(instruction.argval)]
        for follower in instructions[place + 1 :]:
            if follower.opname not in _ATTRIBUTES:
                break
            chain.append(str(follower.argval))
        yield tuple(chain)


def _imports(instructions: list[dis.Instruction]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for place, instruction in enumerate(instructions):
        if instruction.opname == "IMPORT_NAME":
            level, names = (before.argval for before in instructions[place - 2 : place])
            yield str(instruction.argval), int(level or 0), tuple(names or ())


def _flat(constants: tuple[object, ...]) -> Iterator[object]:
    for constant in constants:
        if isinstance(constant, tuple | frozenset):
            yield from _flat(tuple(constant))
        else:
            yield constant
