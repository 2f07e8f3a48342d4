"""What a README shows: its code blocks, and what each typed command promises."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.es.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of code."""

    language: str
    text: str


def blocks(name: str, language: str) -> tuple[Block, ...]:
    """Return the blocks of a page in one language."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = (Block(language=kind, text=code) for kind, code in _BLOCK.findall(text))
    return tuple(block for block in found if block.language == language)


def commands(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of every command that a page types after a `$`."""
    lines = (line for block in blocks(name, "console") for line in block.text.splitlines())
    return tuple(tuple(shlex.split(line[2:], comments=True)) for line in lines if line[:2] == "$ ")


def make_targets() -> frozenset[str]:
    """Return every target that `make help` names."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
